"""How the logs of steps end: well and after how long, with a reason, or in the middle."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from newlesions.reasons import REASON, is_ending, seconds_of

_TAIL = 4096  # bytes that hold the last line of nearly every log


@dataclass(frozen=True)
class LogEnd:
    """How the log of a step ends.

    Parameters
    ----------
    step
        The step.
    written
        When the log was last written to, in seconds since the epoch.
    last
        Its last line.
    """

    step: str
    written: float
    last: str

    @property
    def ended(self) -> bool:
        """Whether the step succeeded."""
        return is_ending(self.step, self.last)

    @property
    def seconds(self) -> float | None:
        """How long it took; None where it did not succeed."""
        return seconds_of(self.step, self.last)

    @property
    def reason(self) -> str:
        """Why it failed; "" where it did not, or was ended from outside."""
        return self.last.removeprefix(REASON) if self.last.startswith(REASON) else ""


class StepLogs:
    """Reads the ends of logs; what has not changed since is not read again."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[int, int, LogEnd]] = {}

    def end(self, step: str, log: Path) -> LogEnd | None:
        """How ``log``, of ``step``, ends; None where there is no such file: the step has not begun."""
        try:
            found = log.stat()
            known = self._known.get(log)
            if known and known[:2] == (found.st_mtime_ns, found.st_size):
                return known[2]
            end = LogEnd(step, found.st_mtime, last_line(log))
        except FileNotFoundError:
            return None
        self._known[log] = (found.st_mtime_ns, found.st_size, end)
        return end


def last_line(log: Path) -> str:
    """The last line that is not empty; "" where there is none."""
    with open(log, "rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - _TAIL))
        lines = _lines(stream.read())
        if len(lines) < 2 and size > _TAIL:
            stream.seek(0)
            lines = _lines(stream.read())
    return lines[-1] if lines else ""


def _lines(content: bytes) -> list[str]:
    return content.decode(encoding="utf-8", errors="replace").rstrip().splitlines()
