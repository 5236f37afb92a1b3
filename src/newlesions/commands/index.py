"""``newlesions index``: find and freeze the pairs of a cohort."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from newlesions.cohort.index import IndexResult, Selection, describe, index, write


def command(args: argparse.Namespace) -> int:
    """Write the pairs table, and say what the filters did and who was skipped."""
    result = find(args)
    write(result, args.output)
    print(f"written: {args.output}")
    return 0


def find(args: argparse.Namespace, digest: Callable[[str], str] | None = None) -> IndexResult:
    """The pairs that the arguments of `run` and `index` select, described on standard output.

    ``digest`` is as in `freeze`.
    """
    selection = Selection(
        args.participant_label, args.session_label, Path(args.bids_filter_file) if args.bids_filter_file else None
    )
    result = index(
        args.bids_dir,
        layout=args.layout,
        selection=selection,
        pairing=args.pairing,
        references=args.references,
        brains=args.brains,
        progress=_progress if sys.stderr.isatty() else None,
        digest=digest,
    )
    print("\n".join(describe(result)), flush=True)
    return result


def _progress(done: int, total: int) -> None:
    sys.stderr.write(f"\rreading scans: {done} of {total}" + ("\n" if done == total else ""))
    sys.stderr.flush()
