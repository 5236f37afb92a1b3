"""``newlesions verify``: is a results folder still what its run made, and does the run make it again?"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from newlesions import cli
from newlesions.cli import DONE, INTERRUPTED, SOME_FAILED
from newlesions.commands.results_table import aligned
from newlesions.errors import ConfigError
from newlesions.images.files import sha256, write_json
from newlesions.processes import cores_of
from newlesions.reprocess import circumstances, digests, rerun
from newlesions.reprocess.findings import FAILED, Check, Finding, as_json
from newlesions.reprocess.release import Release, read_release

_MOST_ROWS = 40
"""Rows that are printed of each sort of finding; the JSON file has all."""


def command(args: argparse.Namespace) -> int:
    """Check the folder, run a sample again, print what differs. Returns the exit code."""
    release = read_release(Path(args.out_dir).absolute())
    if args.sample < 0:
        raise ConfigError(f"--sample: found {args.sample}; expected 0 or more")
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(2**31)
    with _rerun_folder(args.keep) as folder:
        checks = _checks(args, release)
        print(_table(checks), flush=True)
        names = _choose(release, checks, args.sample, seed)
        if args.sample:
            checks.append(_again(args, release, checks, names, seed, folder))
            print(_table(checks[-1:]))
        if args.keep and names:
            print(f"kept: {folder / 'out'} (newlesions diff {release.folder} {folder / 'out'})")
    faults = [finding for check in checks for finding in check.faults]
    if args.json:
        write_json(args.json, _report(release, checks, names, seed if args.sample else None))
    print(f"\nprovenance.json {sha256(release.folder / 'provenance.json')}")
    print(f"{len(faults)} differ" if faults else "all as recorded")
    return SOME_FAILED if faults else DONE


def _checks(args: argparse.Namespace, release: Release) -> list[Check]:
    """Everything that needs no rerun."""
    cores, moved = cores_of(args.cores), _moved(args.moved)
    model = circumstances.model_of(release, args.model)
    pairs = digests.check_pairs(release)
    return [
        digests.check_outputs(release, cores, _progress("outputs")),
        Check(pairs.about, pairs.checked, [*pairs.findings, *digests.failed_pairs(release)]),
        digests.check_inputs(release, moved, cores, _progress("inputs")),
        circumstances.check_settings(release),
        circumstances.check_weights(release, model),
        circumstances.check_versions(release),
    ]


def _choose(release: Release, checks: Sequence[Check], size: int, seed: int) -> list[str]:
    inputs = next(check for check in checks if check.about == digests.INPUTS)
    return rerun.sample(release, size, seed, rerun.unusable_pairs(release, inputs))


def _again(
    args: argparse.Namespace, release: Release, checks: Sequence[Check], names: Sequence[str], seed: int, folder: Path
) -> Check:
    """Run the pairs ``names`` again in ``folder`` and compare."""
    if release.digests is None or not names:
        why = (
            "no digests of the outputs" if release.digests is None else "no finished pair whose inputs are as they were"
        )
        return Check(rerun.RERUN, 0, [Finding(rerun.RERUN, FAILED, "sample", found=why)])
    versions = next(check for check in checks if check.about == circumstances.VERSIONS)
    if versions.findings:
        print("\nother versions than those that made the results: the rerun may differ for that reason")
    print(f"\nrunning again: {', '.join(names)} (--seed {seed}) ...", flush=True)
    plan = rerun.prepare(release, names, circumstances.model_of(release, args.model), _moved(args.moved), folder)
    words = [*plan.words(), "--profile", args.profile, *(["--cores", args.cores] if args.cores else [])]
    log = folder / "run.log"
    with open(log, "w", encoding="utf-8") as stream, redirect_stdout(stream), redirect_stderr(stream):
        code = cli.main(words)
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    if not (plan.out / "newlesions.tsv").is_file():
        last = log.read_text(encoding="utf-8").strip().splitlines()[-1:] or ["it said nothing"]
        return Check(rerun.RERUN, 0, [Finding(rerun.RERUN, FAILED, "sample", found=last[0])])
    return rerun.compare(release, plan, with_pages=not versions.findings)


@contextmanager
def _rerun_folder(keep: str | None) -> Iterator[Path]:
    """The folder to rerun in: a temporary one, or ``keep``, which stays."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="newlesions-verify-") as folder:
            yield Path(folder)
        return
    path = Path(keep).absolute()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ConfigError(f"--keep: found {keep}, which is not empty; expected a new or an empty folder")
    path.mkdir(parents=True, exist_ok=True)
    yield path


def _report(release: Release, checks: Sequence[Check], names: Sequence[str], seed: int | None) -> dict[str, Any]:
    return {
        "provenance_sha256": sha256(release.folder / "provenance.json"),
        "equal": not any(check.faults for check in checks),
        "rerun": {"pairs": list(names), "seed": seed},
        "checks": [as_json(check) for check in checks],
    }


def _table(checks: Sequence[Check]) -> str:
    """How many of each sort were checked, and what was found."""
    counts = [
        ["", "checked", "differ"],
        *([check.about, str(check.checked), str(len(check.faults))] for check in checks),
    ]
    lines = [aligned(counts)]
    for check in checks:
        if check.findings:
            rows = [[f"  {item.state}", item.name, *_sides(item)] for item in check.findings[:_MOST_ROWS]]
            lines += ["", f"{check.about}:", aligned(rows)]
            if len(check.findings) > _MOST_ROWS:
                lines.append(f"  and {len(check.findings) - _MOST_ROWS} more (--json has all)")
    return "\n".join(lines)


def _sides(finding: Finding) -> list[str]:
    """What was recorded, and what is there now; of digests the beginning."""
    recorded, now = (_short(text) for text in (finding.expected, finding.found))
    return [f"recorded {recorded}" if recorded else "", f"now {now}" if now else ""]


def _short(text: str) -> str:
    is_digest = len(text) == 64 and not set(text) - set("0123456789abcdef")
    return f"{text[:12]}…" if is_digest else text


def _moved(given: Sequence[str]) -> dict[str, str]:
    moved = {}
    for text in given:
        old, equals, new = text.partition("=")
        if not (old and equals and new):
            raise ConfigError(f"--moved: found {text!r}; expected OLD=NEW, two folders")
        moved[old] = str(Path(new).absolute())
    return moved


def _progress(what: str) -> digests.Progress | None:
    if not sys.stderr.isatty():
        return None

    def show(done: int, total: int) -> None:
        sys.stderr.write(f"\rreading {what}: {done} of {total}" + ("\n" if done == total else ""))
        sys.stderr.flush()

    return show
