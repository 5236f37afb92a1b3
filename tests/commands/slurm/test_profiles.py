"""The profiles name the rules that there are: a rule that comes, goes or is renamed must not be forgotten there."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from newlesions import house

TEXT = {
    name: text
    for path in sorted((house.root() / "workflow" / "rules").rglob("*.smk"))
    for name, text in re.findall(r"^rule (\w+):\n(.*?)(?=^rule |\Z)", path.read_text(), re.MULTILINE | re.DOTALL)
}
# One SLURM job each: a bad reference fails them, and would take the preparation with it.
ALONE = {"case", "held_out", "network_held_out", "network_seen", "sample"}


def profile(name: str) -> Any:
    return yaml.safe_load((house.root() / "profiles" / name / "config.yaml").read_text())


@pytest.mark.parametrize("name", ["slurm", "workstation"])
def test_every_rule_for_gpus_asks_for_one(name: str) -> None:
    rules = [rule for rule, text in TEXT.items() if re.search(r"^        gpu=", text, re.MULTILINE)]
    assert rules
    asked = {entry for entry in profile(name)["set-resources"] if ":gpu=" in entry}
    assert asked == {f"{rule}:gpu=1" for rule in rules}


def test_every_rule_of_a_session_or_pair_is_in_a_group() -> None:
    grouped = {entry.partition("=")[0] for entry in profile("slurm")["groups"]}
    of_pair = {rule for rule, text in TEXT.items() if "sub-{wildcards.subject}" in text}
    assert grouped <= TEXT.keys()
    assert of_pair - grouped == ALONE


def test_the_workstation_runs_one_gpu_job_at_a_time() -> None:
    assert "gpu=1" in profile("workstation")["resources"]


def test_gpus_of_a_cluster_are_not_bounded_as_a_whole() -> None:
    assert "resources" not in profile("slurm")
