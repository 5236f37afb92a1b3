"""What Snakemake says, line by line: the words that `Progress` and `newlesions status` look for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

STARTED = re.compile(r"Job \d+: (?P<message>.+)")
DONE = re.compile(r"(?P<done>\d+) of (?P<total>\d+) steps \(")
PLANNED = re.compile(r"(?P<rule>\w+)\s+(?P<count>\d+)\s*$")
STATS = "Job stats:"
"""Before the table of the jobs that are planned."""
AT_ONCE = re.compile(r"Provided (?:cores|remote nodes): (?P<count>\d+)")
MEMORY = re.compile(r"Provided resources:.*\bmem_mb=\D*(?P<count>\d+)")
FAILED_LOGS = re.compile(r"\s+log: (?P<logs>.+?) \(check log file")
"""The logs of a failed job, one per step; `split_logs` has them one by one."""
_JOB = re.compile(r"\s+jobid: (?P<job>\d+)")
_AGAIN = re.compile(r"Trying to restart job (?P<job>\d+)")


@dataclass
class Announced:
    """What a workflow says before its first job: jobs by rule, how many it may run at once, and their memory in MB."""

    jobs: dict[str, int] = field(default_factory=dict)
    at_once: int | None = None
    memory_mb: int | None = None
    total: int | None = None
    """Of all jobs; told last."""
    _in_table: bool = False

    def read(self, line: str) -> None:
        """Take one line of Snakemake's output, without its end."""
        if match := AT_ONCE.match(line):
            self.at_once = int(match["count"])
        elif match := MEMORY.match(line):
            self.memory_mb = int(match["count"])
        elif line == STATS:
            self.jobs, self._in_table = {}, True
        elif self._in_table and (match := PLANNED.match(line)):
            if match["rule"] == "total":
                self.total, self._in_table = int(match["count"]), False
            else:
                self.jobs[match["rule"]] = int(match["count"])


def split_logs(match: re.Match[str]) -> list[Path]:
    """The logs that a match of `FAILED_LOGS` names, relative to the results folder."""
    return [Path(log) for log in match["logs"].split(", ")]


def read_failures(said: Iterable[Path], out: Path) -> tuple[set[Path], set[Path]]:
    """The logs of all steps of the jobs that failed, and of those that are tried again.

    Parameters
    ----------
    said
        Files that hold what Snakemake said; those that are absent are passed over.
    out
        The results folder, to which the logs that it names are relative.
    """
    failed: set[Path] = set()
    again: set[Path] = set()
    for path in said:
        if not path.is_file():
            continue
        job, logs = "", dict[str, list[Path]]()
        with open(path, encoding="utf-8", errors="replace") as stream:
            for line in stream:
                if not line.startswith(("    ", "Trying")):  # nearly all lines of a long run
                    continue
                if match := _JOB.match(line):
                    job = match["job"]
                elif match := FAILED_LOGS.match(line):
                    logs[job] = [out / log for log in split_logs(match)]
                    failed.update(logs[job])
                    again.difference_update(logs[job])
                elif (match := _AGAIN.match(line)) and match["job"] in logs:
                    failed.difference_update(logs[match["job"]])
                    again.update(logs[match["job"]])
    return failed, again
