"""What a training says while it runs: a line now and then, and TensorBoard's logs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from newlesions.learn.networks.loop import Report


class Teller:
    """Tells of a training.

    Parameters
    ----------
    name
        Of what is trained.
    say
        Takes a line.
    tensorboard
        Folder of TensorBoard's logs; None: none.
    """

    def __init__(self, name: str, say: Callable[[str], None], tensorboard: Path | None = None) -> None:
        self.name, self.say = name, say
        self._began, self._first = time.monotonic(), -1
        self._logged = 0
        self._writer: Any = None
        if tensorboard is not None:
            from tensorboardX import SummaryWriter  # type: ignore[import-untyped,unused-ignore]

            self._writer = SummaryWriter(str(tensorboard))

    def __call__(self, report: Report, steps: int) -> None:
        """Say how far ``report`` is of ``steps``."""
        self.say(self.line(report, steps))
        if self._writer is not None:
            for row in report.log[self._logged :]:
                self._writer.add_scalar("loss", row.loss, row.step)
                self._writer.add_scalar("lr", row.lr, row.step)
                if row.score is not None:
                    self._writer.add_scalar("validation Dice", row.score, row.step)
            self._logged = len(report.log)
            self._writer.flush()

    def line(self, report: Report, steps: int) -> str:
        """Steps, loss, validation Dice, patches per second, time left."""
        if self._first < 0:
            self._first, self._began = report.steps, time.monotonic() - 1e-9
            pace = report.seconds / report.steps if report.steps else 0.0
        else:
            pace = (time.monotonic() - self._began) / max(report.steps - self._first, 1)
        parts = [f"{self.name}: step {report.steps}/{steps}"]
        if report.log:
            parts.append(f"loss {report.log[-1].loss:.4f}")
        scores = [row.score for row in report.log if row.score is not None]
        if scores:
            parts.append(f"validation Dice {scores[-1]:.3f} (best {max(scores):.3f})")
        if report.seconds:
            parts.append(f"{report.patches / report.seconds:.1f} patches/s")
        parts.append("stopped early" if report.stopped else f"{_time(pace * (steps - report.steps))} left")
        return ", ".join(parts)

    def close(self) -> None:
        """Finish TensorBoard's logs."""
        if self._writer is not None:
            self._writer.close()


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
