"""Quick steps that tell on which node they run, and that can be slow or hungry."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from newlesions.commands.slurm.jobs import Job, jobs_of, prefix_of
from workflow.quick import Quick

_WATCH = """

def _watch(step):
    import json, os, time

    def note(**what):
        line = json.dumps(dict(step=step.__name__, node=os.environ.get("SLURMD_NODENAME"), time=time.time(), **what))
        with open(os.environ["QUICK_NOTES"], "a") as notes:
            notes.write(line + "\\n")

    def watched(**arguments):
        if "QUICK_NOTES" in os.environ:
            note(event="start")
        if os.environ.get("QUICK_HUNGRY") == step.__name__:  # where memory is bounded
            eaten = b"x" * (1_300 * 2**20)  # more than the first try asks for, less than the second
            time.sleep(8)  # SLURM looks every two seconds
            del eaten
        step(**arguments)
        if "QUICK_NOTES" in os.environ:
            note(event="end")

    return watched

{name} = _watch({name})
"""
# `table` is none of the quick steps: the package's own, which lies behind them.
_TABLE = """\
import importlib.util
from pathlib import Path
import newlesions.steps

_spec = importlib.util.spec_from_file_location("own_table", Path(newlesions.steps.__path__[1]) / "table.py")
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
table = _module.table
"""
_MODEL = {
    "model.json": '{"recipe": "one", "kind": "networks"}',
    "weights/new_0.safetensors": "weights",
    "recipe.yaml": "id: one\ntitle: t\nneeds_model: true\nstages:\n  new:\n    task: segment_new\n"
    "    inputs: [flair(baseline), flair(followup)]\n    network: {name: unet3d, channels: [4]}\n",
}
_SITE = """\
account: trial-7
left_behind: {left_behind}
jobs: 20
partitions:
  {partition}: {{max_runtime: 1440, max_threads: 4, max_mem_mb: 100000}}
  gpu: {{max_runtime: 1440, max_threads: 4, max_mem_mb: 100000, max_gpu: 2}}
"""
_LONGEST = 1800.0  # seconds that a run may take; on a busy machine each job of SLURM takes its time
# The local cluster answers at once and has one file system.
FAST = ("--", "--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "5")


@dataclass(frozen=True)
class Note:
    """When a step started or ended, and on which node."""

    step: str
    event: str
    node: str
    time: float


class Watched(Quick):
    """One pair, a model of networks, and the profile for SLURM."""

    def __init__(self, folder: Path, seconds: float = 0, model: Path | None = None) -> None:
        super().__init__(folder)
        for session in ("M00", "M12"):
            self.scan("01", session)
        # Pages tell where the model lies: cohorts that are compared have one.
        self.model = (model or folder) / "model"
        for name, text in _MODEL.items():
            path = self.model / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (folder / "site" / "steps" / "table.py").write_text(_TABLE)
        self.seconds, self.notes_file = seconds, watch(self)

    def submit(self, left_behind: str = "cancel", partition: str = "cpu") -> subprocess.Popen[str]:
        """Start the run on the cluster."""
        words = ("--model", str(self.model), *on_cluster(self.folder, left_behind, partition))
        return self.newlesions("run", str(self.bids), str(self.out), *words, seconds=self.seconds)

    def here(self, *more: str) -> str:
        """The same run on this machine: what it says to its end, which must be a good one."""
        words = ("run", str(self.bids), str(self.out), "--cores", "2", "--model", str(self.model), *more)
        with self.newlesions(*words, seconds=self.seconds) as process:
            return ends_well(process)

    def notes(self) -> list[Note]:
        """What the steps told so far."""
        return notes_in(self.notes_file)

    def nodes(self) -> dict[str, set[str]]:
        """The nodes that each step ran on."""
        return nodes_in(self.notes_file)

    def jobs(self) -> list[Job]:
        """The jobs of the results folder in the queue."""
        return jobs_of(prefix_of(self.out))

    def outcome(self) -> dict[str, str]:
        """The digests of the results but the one that tells where the scans lie."""
        return {name: digest for name, digest in self.results().items() if name != "pairs.tsv"}


def watch(cohort: Quick) -> Path:
    """Let the steps of a cohort tell where they run; the file with their notes."""
    for module in (cohort.folder / "site" / "steps").glob("*.py"):
        module.write_text(module.read_text() + _WATCH.format(name=module.stem))
    notes = cohort.folder / "notes"
    cohort.environment |= {"QUICK_NOTES": str(notes)}
    return notes


def on_cluster(folder: Path, left_behind: str = "cancel", partition: str = "cpu") -> tuple[str, ...]:
    """The options that send a workflow's jobs to the cluster."""
    (folder / "site.yaml").write_text(_SITE.format(partition=partition, left_behind=left_behind))
    return ("--profile", "slurm", "--site", "site.yaml", *FAST)


def notes_in(file: Path) -> list[Note]:
    """What the steps told so far."""
    lines = file.read_text().splitlines() if file.is_file() else []
    return [Note(**json.loads(line)) for line in lines]


def nodes_in(file: Path) -> dict[str, set[str]]:
    """The nodes that each step ran on."""
    notes = notes_in(file)
    return {note.step: {other.node for other in notes if other.step == note.step} for note in notes}


def until(what: Callable[[], bool], process: subprocess.Popen[str], seconds: float = _LONGEST) -> None:
    """Wait until something is so, while the run goes on."""
    deadline = time.monotonic() + seconds
    while not what():
        if process.poll() is not None:
            pytest.fail(f"the run ended before: {process.communicate()[0]}")
        assert time.monotonic() < deadline
        time.sleep(0.1)


def ends_well(process: subprocess.Popen[str]) -> str:
    """What a run says that must end with 0."""
    said, _ = process.communicate(timeout=_LONGEST)
    assert process.returncode == 0, said
    return said


def slurm(*words: str) -> str:
    """A command of SLURM, as root's path has it."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    command = shutil.which(words[0], path=path)
    assert command is not None
    return subprocess.run([command, *words[1:]], check=True, capture_output=True, text=True).stdout
