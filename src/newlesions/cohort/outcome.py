"""What became of each pair: its summary, or the reason of the first step that failed.

A pair whose masks are done but whose reference cannot be used is done: its results stand. Its row then gives the reason
why it was not scored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from newlesions.cohort.pairs import Pair
from newlesions.cohort.results import STEPS, log_files, page_file, scores_file, summary_file
from newlesions.cohort.step_logs import LogEnd, StepLogs
from newlesions.images.files import read_json
from newlesions.reasons import one_line

COLUMNS = (
    "pair", "subject", "baseline_session", "followup_session", "days", "status", "reason",
    "new_count", "new_volume_mm3", "enlarging_count", "enlarging_volume_mm3",
    "gone_count", "gone_volume_mm3", "shrinking_count", "shrinking_volume_mm3",
    "brain_baseline_ml", "brain_followup_ml", "registration_correlation", "brain_overlap", "inverse_consistency_mm",
    "noise", "warnings",
)  # fmt: skip
"""The columns of newlesions.tsv."""

DONE, FAILED = "done", "failed"
WHY = "failed"
"""The key under which a pair's scores.json says why there are no scores."""
_NO_REASON = "stopped without a reason in its log (out of memory, or killed)"
NOT_REACHED = "not reached: the run was stopped before"
"""The reason of a pair of which no step failed, and whose last one did not run."""
_LONGEST = 300


def outcomes(
    out: Path, pairs: Sequence[Pair], steps: Sequence[str] = STEPS, buckets: Mapping[str, str] | None = None
) -> list[dict[str, str]]:
    """One row of newlesions.tsv per pair, in the order of ``pairs``; all values as text, "" where there is none.

    ``steps`` are those of the run: the logs of others are of earlier runs, with or without a model. ``buckets`` has the
    bucket of each pair (`buckets_of`): a bucket that fails as a whole is then told too.
    """
    return [_done(out, pair, steps) or _failed(out, pair, steps, (buckets or {}).get(pair.pair, "")) for pair in pairs]


def why_failed(out: Path, pair: Pair, steps: Sequence[str], result: Path) -> str:
    """Why the pair's last step made no ``result``; "" if it did and no step failed since."""
    reason = _reason(out, pair, steps)
    return reason or ("" if result.is_file() else NOT_REACHED)


def table_text(rows: Sequence[Mapping[str, str]]) -> str:
    """The rows as the text of newlesions.tsv."""
    lines = ["\t".join(COLUMNS), *("\t".join(row[column] for column in COLUMNS) for row in rows)]
    return "\n".join(lines) + "\n"


def _labels(pair: Pair) -> dict[str, str]:
    names = ("pair", "subject", "baseline_session", "followup_session", "days")
    return {**dict.fromkeys(COLUMNS, ""), **{name: getattr(pair, name) for name in names}}


def _done(out: Path, pair: Pair, steps: Sequence[str]) -> dict[str, str] | None:
    """The finished pair's row; None where a file is missing or a step failed after an earlier success."""
    path = summary_file(out, pair)
    if not (path.is_file() and page_file(out, pair).is_file()) or _reason(out, pair, steps):
        return None
    summary = read_json(path)
    values = {column: _text(summary[column]) for column in COLUMNS if column in summary}
    return {**_labels(pair), **values, "status": DONE, "reason": _why_not_scored(out, pair)}


def _why_not_scored(out: Path, pair: Pair) -> str:
    """What was wrong with the reference of a finished pair; "" where it has none or was scored."""
    if not pair.reference:
        return ""
    path = scores_file(out, pair)
    failed = read_json(path).get(WHY) if path.is_file() else NOT_REACHED
    return _tidy(f"evaluate: {failed}", out, pair) if failed else ""


def _failed(out: Path, pair: Pair, steps: Sequence[str], bucket: str) -> dict[str, str]:
    return {**_labels(pair), "status": FAILED, "reason": _reason(out, pair, steps, bucket) or NOT_REACHED}


def _reason(out: Path, pair: Pair, steps: Sequence[str], bucket: str = "") -> str:
    """The reason in the first log that ends with one, in the order of the flow; "" where none does."""
    logs = StepLogs()
    for step, log in log_files(out, pair, steps, bucket):
        end = logs.end(step, log)
        if end and not end.ended:
            return reason_of(end, log, out, pair)
    return ""


def reason_of(end: LogEnd, log: Path, out: Path, pair: Pair) -> str:
    """Why the step of ``log`` failed, in one short line."""
    return _tidy(f"{end.step}: {end.reason}", out, pair) if end.reason else f"{end.step} of {log.stem}: {_NO_REASON}"


def _tidy(reason: str, out: Path, pair: Pair) -> str:
    """One line without the folders of this machine."""
    masks = (pair.baseline_brain, pair.followup_brain, pair.baseline_lesions, pair.followup_lesions)
    paths = (pair.baseline, pair.followup, *masks, *pair.references)
    for path in filter(None, paths):
        reason = reason.replace(path, Path(path).name)
    for folder in {str(out.resolve()), str(out)} - {"."}:
        reason = reason.replace(f"{folder}/", "")
    reason = one_line(reason)
    return reason if len(reason) <= _LONGEST else reason[: _LONGEST - 1] + "…"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list):
        value = "; ".join(str(item) for item in value)
    return one_line(str(value))
