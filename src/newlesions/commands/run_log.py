"""What Snakemake says, line by line: the words that `Progress` and `newlesions status` look for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

STARTED = re.compile(r" *Job \d+: (?P<message>.+)")
"""A job that is started, or on a cluster submitted; it stands indented where several are one job of the cluster."""
DONE = re.compile(r"(?P<done>\d+) of (?P<total>\d+) steps \(")
PLANNED = re.compile(r"(?P<rule>\w+)\s+(?P<count>\d+)\s*$")
STATS = "Job stats:"
"""Before the table of the jobs that are planned."""
AT_ONCE = re.compile(r"Provided (?:cores|remote nodes): (?P<count>\d+)")
MEMORY = re.compile(r"Provided resources:.*\bmem_mb=\D*(?P<count>\d+)")
_LOGS = re.compile(r" +log: (?P<logs>.+?) \(check log file")
_JOB = re.compile(r" +jobid: (?P<job>\d+)")
_GROUP = re.compile(r" +message: Error in group ")
_MEMBER = re.compile(r" +Error in rule ")
_SUBMITTED = re.compile(r"Job (?P<job>\S+) has been submitted with SLURM jobid \S+ \(log: (?P<log>.+)\)")
_AGAIN = re.compile(r"Trying to restart job (?P<job>[\w-]+)")
_OF_INTEREST = ("    ", "Trying", "Job ", "[")
"""How the lines begin that tell of failures; nearly all others of a long run are passed over."""


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


@dataclass
class Failure:
    """A job that failed: the logs of its steps, relative to the results folder, and SLURM's own, if it has one.

    What a cluster runs as one job may be several of the workflow's, whose logs are all here, in their order.
    """

    logs: list[Path] = field(default_factory=list)
    slurm: Path | None = None

    def add(self, logs: Iterable[Path]) -> None:
        """Take further logs; each is kept once."""
        self.logs += [log for log in logs if log not in self.logs]


class Failures:
    """Follows what Snakemake says of jobs that fail, and of those that it tries again."""

    def __init__(self) -> None:
        self._submitted: dict[Path, str] = {}  # the job that a log of SLURM's is of
        self._failed: dict[str, Failure] = {}
        self._job = ""
        self._group: Failure | None = None

    def read(self, line: str) -> tuple[Failure, bool] | None:
        """Take one line of Snakemake's output, without its end.

        Returns
        -------
        tuple or None
            The failure that was told in full by this line, and False; or one told before, and True: it is tried again.
        """
        if not line.startswith(_OF_INTEREST):
            return None
        if match := _SUBMITTED.match(line):
            self._submitted[Path(match["log"])] = match["job"]
        elif match := _AGAIN.match(line):
            return (failure, True) if (failure := self._failed.get(match["job"])) else None
        elif _GROUP.match(line):
            self._group = Failure()
        elif self._group and (_MEMBER.match(line) or not line.startswith(" ")):
            told, self._group = self._group, None  # its jobs are told once more, one by one
            self._job = ""
            return told, False
        elif match := _JOB.match(line):
            self._job = match["job"]
        elif match := _LOGS.match(line):
            return self._read_logs([Path(log) for log in match["logs"].split(", ")])
        return None

    def _read_logs(self, logs: list[Path]) -> tuple[Failure, bool] | None:
        slurm = next((log for log in logs if log in self._submitted), None)
        if self._group:
            if slurm:
                self._failed[self._submitted[slurm]] = self._group
                self._group.slurm = slurm
            else:
                self._group.add(logs)
            return None
        if any(set(logs) <= set(failure.logs) for failure in self._groups()):
            return None
        failure = Failure([log for log in logs if log != slurm], slurm)
        self._failed[self._job] = failure
        return failure, False

    def _groups(self) -> list[Failure]:
        """Failures of jobs that a cluster had as one: Snakemake numbers only the others."""
        return [failure for job, failure in self._failed.items() if not job.isdecimal()]


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
        failures = Failures()
        with open(path, encoding="utf-8", errors="replace") as stream:
            for line in stream:
                if not (told := failures.read(line.rstrip("\n"))):
                    continue
                failure, restarted = told
                logs = {out / log for log in failure.logs}
                failed, again = (failed - logs, again | logs) if restarted else (failed | logs, again - logs)
    return failed, again
