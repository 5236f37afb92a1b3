from __future__ import annotations

from pathlib import Path

import pytest

from newlesions import house
from newlesions.cli import main
from newlesions.networks import nnunet

MINE = """\
id: mine
title: t
needs_model: true
stages:
  new: {task: segment_new, inputs: [%s], network: {name: unet3d, channels: [4, 8]}}
"""


def test_the_ways_to_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes"]) == 0
    plain = capsys.readouterr().out
    assert main(["recipes", "list"]) == 0
    assert capsys.readouterr().out == plain
    assert all(name in plain for name in house.recipes())


def test_the_list_tells_the_state_of_each(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nnunet, "is_installed", lambda: False)
    assert main(["recipes", "list"]) == 0
    table, _, last = capsys.readouterr().out.rstrip().rpartition("\n\n")
    lines = {line.split()[0]: line for line in table.splitlines()}
    assert list(lines) == list(house.recipes())
    assert last == "systems of the challenge: 32 of 32 complete, 2 of them need an extra that is absent"
    assert "runs with its shipped model" in lines["boosted"] and lines["boosted"].rstrip().endswith("complete")
    assert "to be trained first" in lines["basaran2021"]
    assert lines["martinezheras2023"].rstrip().endswith("needs the extra nnunetv2 (not installed)")


def test_a_recipe_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes", "show", "hamzaoui2021"]) == 0
    said = capsys.readouterr().out
    assert "new  (new lesions in candidate regions)" in said and "flat (channels" in said


def test_files_are_checked_one_by_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(MINE % "baseline, followup")
    bad.write_text(MINE % "baseline, after")
    assert main(["recipes", "check", str(good), "boosted"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "mine: a good recipe (1 networks, 0.0 million weights)",
        "boosted: a good recipe (no networks)",
    ]
    assert main(["recipes", "check", str(bad), str(good)]) == 2
    said = capsys.readouterr()
    assert "recipe mine: stages.new: input 'after': found after" in said.err and said.err.count("\n") == 1
    assert said.out.startswith("mine: a good recipe")


@pytest.mark.parametrize("words", [["show"], ["check"], ["show", "a", "b"], ["one", "two"], ["show", "nonesuch"]])
def test_other_words_are_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1
