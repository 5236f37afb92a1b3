"""Plans that count subjects which are alike, beside plans of everything."""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import pytest

from newlesions import house
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import write_pairs
from newlesions.cohort.shards import shards_of
from newlesions.commands import plan
from newlesions.commands.parts import buckets_with, pairs_of, parts_of
from newlesions.images.files import write_text
from newlesions.settings import read_config, settle

ARGUMENTS = argparse.Namespace(cores=None, profile="default", keep_work=None, snakemake=[])


def cohort(folder: Path) -> list[Pair]:
    """Three shapes: three subjects with two visits, three with three and a reference for one pair, one aligned pair."""
    pairs = []
    for number in range(7):
        labels = ("a", "b", "c") if number % 2 else ("a", "b")
        for both in pairwise(labels):
            row = Pair.of(f"{number}", both, (str(folder / f"{both[0]}.nii"), str(folder / f"{both[1]}.nii")))
            pairs.append(
                row.with_values(reference="/r.nii" if both[1] == "c" else "", aligned="yes" if number == 6 else "no")
            )
    return pairs


def planned(
    folder: Path, pairs: list[Pair], settings: dict[str, object], failed: list[str]
) -> dict[plan.Part, plan.Plan]:
    config = read_config() | settings | {"pairs": str(folder / "pairs.tsv"), "out": ".", "failed": failed}
    settled = settle(config)
    write_pairs(folder / "pairs.tsv", pairs)
    shards = shards_of(pairs, settled["shard"])
    parts = {part: pairs_of(part, shards) for part in parts_of(shards, failed) if part != "cohort"}
    return plan.plan_parts(ARGUMENTS, house.profile("default"), config, folder, parts, buckets_with(settled, pairs))


@pytest.mark.parametrize(
    ("settings", "begun", "failed"),
    [
        pytest.param({}, (), (), marks=pytest.mark.slow),
        ({"shard": 4}, ("1", "2"), ()),
        pytest.param({}, ("1",), ("sub-3_ses-b",), marks=pytest.mark.slow),
        pytest.param({"recipe": "newlesions", "override": {"networks": {"bucket": 3}}}, (), (), marks=pytest.mark.slow),
        pytest.param(
            {"recipe": "newlesions", "override": {"networks": {"bucket": 3}}}, ("2",), (), marks=pytest.mark.slow
        ),
    ],
    ids=["new", "shards, begun", "one failed", "networks", "networks, begun"],
)
def test_counted_plans_are_those_of_everything(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, object],
    begun: tuple[str, ...],
    failed: tuple[str, ...],
) -> None:
    pairs = cohort(tmp_path)
    for scan in ("a", "b", "c"):
        write_text(tmp_path / f"{scan}.nii", "a scan")
    for subject in begun:
        write_text(tmp_path / "work" / f"sub-{subject}" / "ses-a" / "begun.txt", "")
    whole = planned(tmp_path, pairs, settings, list(failed))
    assert not any(one.fault for one in whole.values()), whole
    monkeypatch.setattr(plan, "_COMMON", 1)
    counted = planned(tmp_path, pairs, settings, list(failed))
    assert {part: one.jobs for part, one in counted.items()} == {part: one.jobs for part, one in whole.items()}


def test_what_is_wrong_with_one_of_a_shape_is_the_plan_s_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = plan.Plan(plan.Counter(), "said", "no such rule")
    monkeypatch.setattr(plan, "_COMMON", 1)
    monkeypatch.setattr(plan, "plan_of", lambda *_, **__: fault)
    assert [one.fault for one in planned(tmp_path, cohort(tmp_path), {}, []).values()] == ["no such rule"]
