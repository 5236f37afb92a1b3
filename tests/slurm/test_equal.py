"""The whole workflow with its real steps, through SLURM and without: the same bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from newlesions.simulate.demo import write_demo
from slurm.watched import FAST
from workflow.conftest import newlesions, references_of
from workflow.contract import digests

pytestmark = pytest.mark.slurm


def test_the_results_are_those_of_a_run_on_this_machine(tmp_path: Path) -> None:
    bids = tmp_path / "bids"
    write_demo(bids, tiny=True)
    words = ("--participant-label", "active", *references_of(bids))
    cluster = newlesions("run", bids, tmp_path / "cluster", *words, "--profile", "slurm", *FAST)
    assert cluster.returncode == 0, cluster.stdout
    here = newlesions("run", bids, tmp_path / "here", *words, "--cores", "2")
    assert here.returncode == 0, here.stdout
    assert digests(tmp_path / "cluster") == digests(tmp_path / "here")
