"""``newlesions run --only-failed``: which pairs it leaves aside, and where it is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from newlesions import settings
from newlesions.cohort.outcome import FAILED, NOT_REACHED, outcomes
from newlesions.cohort.pairs import Pair
from newlesions.cohort.results import config_file, flow_of
from newlesions.errors import ConfigError
from newlesions.images.files import read_json

_BEARING = ("ingest", *settings.STEP_SECTIONS)


def require_same_run(out: Path, settled: Mapping[str, Any]) -> None:
    """Refuse a results folder in which nothing has run, or with other settings: pairs of two kinds would stand there.

    Raises
    ------
    ConfigError
        In one line, what was found.
    """
    path = config_file(out)
    if not path.is_file():
        raise ConfigError(f"{path}: found no such file; with --only-failed, expected the results folder of a run")
    before = settings.settle(read_json(path))
    other = [section for section in _BEARING if before[section] != settled[section]]
    if other:
        raise ConfigError(
            f"{path}: found other settings of {', '.join(other)} than now; with --only-failed, expected those of the "
            "run before, since the other pairs stay as they are"
        )


def others_than_failed(out: Path, pairs: Sequence[Pair], settled: Mapping[str, Any]) -> list[str]:
    """The pairs of which no step failed, and that have their scores if they have a reference."""
    rows = outcomes(out, pairs, *flow_of(settled, pairs))
    # A finished pair has a reason only where its reference could not be used.
    return [
        row["pair"] for row in rows if not row["reason"] or (row["status"] == FAILED and row["reason"] == NOT_REACHED)
    ]
