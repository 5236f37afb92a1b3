from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from newlesions.simulate.demo import write_demo
from workflow.quick import Quick


@pytest.fixture
def quick(tmp_path: Path) -> Quick:
    """Two sessions of one subject."""
    cohort = Quick(tmp_path)
    for session in ("M00", "M12"):
        cohort.scan("01", session)
    return cohort


@dataclass(frozen=True)
class Run:
    """A cohort, its results, and how the run ended."""

    bids: Path
    out: Path
    code: int
    said: str


def newlesions(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """The command line, to its end."""
    command = [sys.executable, "-m", "newlesions", *map(str, words)]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def references_of(bids: Path) -> tuple[str, str]:
    """The options that score a simulated cohort."""
    return "--references", str(bids / "derivatives" / "reference")


@pytest.fixture(scope="session")
def tiny_bids(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration at 4 mm. Both scans of `sub-broken` are cut, so that no time goes into half a pair."""
    folder = tmp_path_factory.mktemp("cohort") / "bids"
    write_demo(folder, tiny=True)
    anat = folder / "sub-broken"
    shutil.copy(*(anat / f"ses-{name}/anat/sub-broken_ses-{name}_FLAIR.nii.gz" for name in ("M12", "M00")))
    return folder


@pytest.fixture(scope="session")
def real_run(tiny_bids: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One pair that changes and one that is broken, by the real steps on two cores: about 80 s of CPU, once."""
    out = tmp_path_factory.mktemp("results") / "out"
    labels = ("--participant-label", "active", "broken")
    ended = newlesions("run", tiny_bids, out, *labels, *references_of(tiny_bids), "--cores", "2")
    return Run(tiny_bids, out, ended.returncode, ended.stdout)
