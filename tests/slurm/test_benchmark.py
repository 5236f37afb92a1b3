"""`newlesions benchmark` on a cluster, with quick steps."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from slurm.watched import ends_well, nodes_in, notes_in, on_cluster, until, watch
from workflow.test_benchmark import Cohort, results

pytestmark = pytest.mark.slurm

WORDS = ("--recipes", "subtraction", "cascade.yaml", "--budget", "1", "--set", "networks.gpus=1")


def test_a_benchmark_killed_on_a_cluster_ends_as_on_this_machine(tmp_path: Path) -> None:
    here = Cohort(tmp_path / "here")
    assert here.benchmark(*WORDS)[0] == 0
    cohort = Cohort(tmp_path / "there")
    notes, cluster = watch(cohort), on_cluster(cohort.folder)
    with cohort.start_benchmark(*WORDS, *cluster, seconds=2) as process:
        until(lambda: "fit_network" in nodes_in(notes), process)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    with cohort.start_benchmark(*WORDS, *cluster) as process:
        said = ends_well(process)
    assert "in SLURM's queue; cancelling them" in said
    assert results(cohort) == results(here)
    starts = [note.step for note in notes_in(notes) if note.event == "start"]
    assert starts.count("bias") == 12, "what was done is not done again"
    nodes = nodes_in(notes)
    assert nodes["fit_network"] == nodes["network"] == nodes["pace"] == {"gpu1"}
    others = ("bias", "halfway", "candidates", "fold_model", "fold_scores")
    assert {node for step in others for node in nodes[step]} <= {"cpu1", "cpu2", "cpu3"}
