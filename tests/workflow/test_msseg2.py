"""The commands of docs/msseg2.md, run as they stand there, on two simulated subjects at 4 mm."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from newlesions.report.tables import read_rows

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "msseg2.md"


def commands() -> list[list[str]]:
    """The words of each command of the page's sh blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def run(words: list[str], folder: Path) -> str:
    """Run one command as this package's, the simulation at 4 mm."""
    program, *rest = words
    if program == "python":
        rest = [str(ROOT / rest[0]), *rest[1:], "--tiny"]
    call = [sys.executable, *(rest if program == "python" else ["-m", "newlesions", *rest])]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(call, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_the_page_leads_from_the_download_to_the_table(tmp_path: Path) -> None:
    said = {shlex.join(words[:2]): run(words, tmp_path) for words in commands()}
    assert list(said) == [
        "python scripts/simulate_cohort.py",
        "newlesions index",
        "newlesions run",
        "newlesions evaluate",
        "newlesions compare",
        "newlesions verify",
    ]
    assert "msseg2): 2 subjects, 2 pairs" in said["newlesions index"]
    pairs = ["sub-001_ses-time02", "sub-002_ses-time02"]
    assert [row["pair"] for row in read_rows(tmp_path / "results" / "scores.tsv")] == pairs
    raters = {row["reference"] for row in read_rows(tmp_path / "results" / "scores" / "raters.tsv")}
    assert raters == {"consensus", "expert1", "expert2", "expert3", "expert4"}
    logs = {path.name for path in (tmp_path / "results" / "work" / "logs").iterdir()}
    assert "halfway" in logs and "evaluate" in logs
    against = {row["pair"]: row for row in read_rows(tmp_path / "against_expert1.tsv")}
    by_raters = {
        row["pair"]: row
        for row in read_rows(tmp_path / "results" / "scores" / "raters.tsv")
        if (row["reference"], row["prediction"]) == ("expert1", "prediction")
    }
    assert list(against) == pairs
    for pair, row in by_raters.items():
        assert row["Dice"] == against[pair]["Dice"], "one rater as the reference, in either way"
    assert "expert1" in said["newlesions compare"]
    assert "rerun" in said["newlesions verify"] and "all as recorded" in said["newlesions verify"]
