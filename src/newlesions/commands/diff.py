"""``newlesions diff``: how two releases of a cohort differ."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from newlesions.cli import DONE, SOME_FAILED
from newlesions.cohort.results import DIGEST_LIST
from newlesions.commands.results_table import aligned
from newlesions.errors import ConfigError
from newlesions.report.tables import KINDS
from newlesions.reprocess.difference import VERSION, Difference, PairDifference, Value, compare_releases
from newlesions.reprocess.release import Release, read_release
from newlesions.reprocess.write import write_difference

_MOST_ROWS = 40
"""Rows that are printed of pairs, and of settings; the tables have all."""


def command(args: argparse.Namespace) -> int:
    """Compare the two folders, print what differs, write the tables and the page. Returns the exit code."""
    first, second = _release(args.first), _release(args.second)
    difference = compare_releases(first, second, _progress if sys.stderr.isatty() else None)
    print(_told(difference))
    if args.output:
        for path in write_difference(Path(args.output), difference):
            print(f"written: {path}")
    return DONE if difference.equal else SOME_FAILED


def _release(folder: str) -> Release:
    release = read_release(Path(folder).absolute())
    if release.digests is None:
        raise ConfigError(
            f"{release.folder / DIGEST_LIST}: found it {release.why}; expected the digests of the outputs"
        )
    return release


def _told(difference: Difference) -> str:
    lines = []
    told = [value for value in difference.circumstances if value.sort != VERSION]
    versions = [value for value in difference.circumstances if value.sort == VERSION]
    for title, values in (("settings, weights, inputs", told), ("versions", versions)):
        if values:
            lines += [f"{title}:", aligned([_value(value) for value in values[:_MOST_ROWS]])]
            lines += [*_more(len(values)), ""]
    if difference.pairs:
        rows = [_row(pair) for pair in difference.pairs[:_MOST_ROWS]]
        lines += [aligned([["pair", "state", *KINDS, "lesions"], *rows]), *_more(len(difference.pairs)), ""]
    apart = sum(pair.state.startswith("only") for pair in difference.pairs)
    differ = len(difference.pairs) - apart
    counts = ", ".join(f"{count} {change}" for change, count in difference.counts.items() if count)
    compared = difference.compared
    lines.append(f"{compared} pair{'s' * (compared != 1)} in both: {compared - differ} equal, {differ} differ")
    lines += [f"{apart} pair{'s' * (apart != 1)} in one alone"] if apart else []
    lines += [f"lesions of the pairs that differ: {counts}"] if counts else []
    return "\n".join(lines)


def _value(value: Value) -> list[str]:
    return [f"  {value.sort}", value.name, f"{_short(value.first)} -> {_short(value.second)}"]


def _row(pair: PairDifference) -> list[str]:
    """A pair, its counts where they differ, and what became of its lesions."""
    kinds = []
    for kind in KINDS:
        count, volume = (pair.value(f"{kind}_{what}") for what in ("count", "volume_mm3"))
        counts = f"{count.first or '-'} -> {count.second or '-'}" if count else ""
        volumes = f"({volume.first or '-'} -> {volume.second or '-'} mm3)" if volume else ""
        kinds.append(f"{counts} {volumes}".strip())
    changes = ", ".join(f"{count} {change}" for change, count in pair.counts.items() if count)
    return [pair.pair, pair.state, *kinds, changes or pair.note or _other(pair)]


def _other(pair: PairDifference) -> str:
    """What differs of a pair whose lesions do not."""
    status = pair.value("status")
    if status:
        return f"{status.first or 'absent'} -> {status.second or 'absent'}"
    parts = [value.name for value in pair.values[:3]]
    return ", ".join([*parts, *([f"{len(pair.files)} files"] if pair.files else [])])


def _more(count: int) -> list[str]:
    return [f"  and {count - _MOST_ROWS} more (-o FOLDER writes all)"] if count > _MOST_ROWS else []


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"


def _progress(done: int, total: int) -> None:
    sys.stderr.write(f"\rcomparing: {done} of {total} pairs" + ("\n" if done == total else ""))
    sys.stderr.flush()
