"""The cluster that `make test-slurm` started by the project's own script, and stops afterwards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "local_slurm.py"


@pytest.fixture(scope="session", autouse=True)
def cluster() -> None:
    """Two nodes for the CPU, one for GPUs."""
    up = subprocess.run([sys.executable, str(SCRIPT), "status"], capture_output=True, text=True, check=False)
    assert up.returncode == 0, f"{up.stdout}\nstart it by {SCRIPT} start"
