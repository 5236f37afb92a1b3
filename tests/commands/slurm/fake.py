"""A SLURM of two shell scripts: a queue that is a file, and a log of what was asked for."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

_SQUEUE = """#!/bin/sh
echo "squeue $*" >>{folder}/asked
cat {folder}/queue
"""
_SCANCEL = """#!/bin/sh
echo "scancel $*" >>{folder}/asked
for word in "$@"; do
  grep -v "^$word|" {folder}/queue >{folder}/left
  mv {folder}/left {folder}/queue
done
"""


class FakeSlurm:
    """`squeue` and `scancel` in a folder that goes before all others."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        folder.mkdir()
        self.command("squeue", _SQUEUE.format(folder=folder))
        self.command("scancel", _SCANCEL.format(folder=folder))
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        self.queue([])

    def command(self, name: str, text: str) -> None:
        """Make a command say and do something else."""
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)

    def queue(self, jobs: Iterable[tuple[str, str, str]], user: str | None = None) -> None:
        """Put jobs into the queue: number, state and name of each."""
        rows = [f"{number}|{user or getpass.getuser()}|{state}|{name}\n" for number, state, name in jobs]
        (self.folder / "queue").write_text("".join(rows))

    def numbers(self) -> list[str]:
        """The numbers of the jobs in the queue."""
        return [line.partition("|")[0] for line in (self.folder / "queue").read_text().splitlines()]

    def cancelled(self) -> list[str]:
        """The numbers of the jobs that were cancelled."""
        asked = self.folder / "asked"
        lines = asked.read_text().splitlines() if asked.is_file() else []
        return [word for line in lines if line.startswith("scancel") for word in line.split()[2:]]
