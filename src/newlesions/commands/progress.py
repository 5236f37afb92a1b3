"""Snakemake's output, line by line, as what a person wants to see of it."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from newlesions.commands.run_log import DONE, STARTED, Announced, Failure, Failures
from newlesions.reasons import REASON


class Progress:
    """Prints one line per started step: how many of how many are done, which pair or session, which step.

    Parameters
    ----------
    out
        The results folder: the logs that Snakemake names are relative to it.
    stream
        Where to; standard output when absent.
    planned
        Called with what is planned, before the first step.
    """

    def __init__(
        self, out: Path, stream: TextIO | None = None, planned: Callable[[Announced], None] | None = None
    ) -> None:
        self._out, self._stream, self._planned = out, stream or sys.stdout, planned
        self._done = self._total = 0
        self._plan, self._failures = Announced(), Failures()
        self.started = False
        """Whether a step was started."""
        self.last: deque[str] = deque(maxlen=12)
        """The last lines read, to be shown if the workflow ends before it begins."""

    def read(self, line: str) -> None:
        """Take one line of Snakemake's output."""
        line = line.rstrip("\n")
        if line.strip():
            self.last.append(line)
        if told := self._failures.read(line):
            self._say_failure(*told)
        elif match := DONE.match(line):
            self._done, self._total = int(match["done"]), int(match["total"])
        elif match := STARTED.match(line):
            self.started = True
            self._say(match["message"])
        else:
            self._read_plan(line)

    def _read_plan(self, line: str) -> None:
        self._plan.read(line)
        if self._plan.total is not None:
            self._total = self._plan.total
            if self._planned:
                self._planned(self._plan)
            self._plan = Announced()

    def _say(self, message: str) -> None:
        width = len(str(self._total))
        share = 100 * self._done // self._total if self._total else 0
        what, _, step = message.rpartition(" ")
        self._print(f"[{self._done:{width}}/{self._total}] {share:3} %  {step:11} {what}")

    def _say_failure(self, failure: Failure, again: bool) -> None:
        """The reason of a failed job: in the log of the step that failed, or nowhere if it was killed."""
        reasons = {log: reason for log in failure.logs if (reason := self._reason(log))}
        # The job's last step that was reached.
        reached = [log for log in failure.logs if (self._out / log).is_file()] or failure.logs
        log, reason = next(iter(reasons.items()), (reached[-1], ""))
        what = f"{log.parent.name:11} {log.stem}:"
        if again:
            self._print(f"AGAIN   {what} its job is tried again, with more memory and time")
            return
        slurm = [failure.slurm.resolve()] if failure.slurm else []
        see = [path.relative_to(self._out.resolve()) for path in slurm if path.is_relative_to(self._out.resolve())]
        self._print(f"FAILED  {what} {reason or ' and '.join(['see ' + str(log), *map(str, see or slurm)])}")

    def _reason(self, log: Path) -> str:
        path = self._out / log
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
        return lines[-1].removeprefix(REASON) if lines and lines[-1].startswith(REASON) else ""

    def _print(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()
