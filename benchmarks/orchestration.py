"""What a pair costs, step by step, and what the orchestration adds over the same steps called in one process.

    python benchmarks/orchestration.py [BIDS_DIR] [--folder FOLDER]

Without BIDS_DIR the simulated demonstration is run. All steps run one after the other, on one core.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter

from newlesions.cohort.pairs_table import read_pairs
from newlesions.cohort.results import STEPS, log_files, work_folder
from newlesions.commands.results_table import aligned
from newlesions.steps.adapter import replay


def main() -> None:
    """Run, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bids", nargs="?", type=Path, help="a BIDS folder (the simulated demonstration)")
    parser.add_argument("--folder", type=Path, default=Path("demo/bench"), help="where to work; it must not exist")
    args = parser.parse_args()
    if args.folder.exists():
        parser.error(f"{args.folder} exists; expected a new folder, so that every step is run")
    bids = args.bids or _simulate(args.folder / "bids")
    out = args.folder.absolute() / "out"
    start = perf_counter()
    words = [sys.executable, "-m", "newlesions", "run", str(bids), str(out), "--cores", "1"]
    subprocess.run(words, check=False, stdout=subprocess.DEVNULL)
    workflow = perf_counter() - start
    pairs = read_pairs(out / "pairs.tsv")
    print(_costs(out, len(pairs)))
    logs = dict.fromkeys(log for pair in pairs for _, log in log_files(out, pair) if log.is_file())
    wall, cpu = _in_one_process(out, logs)
    print(f"\n{len(pairs)} pairs, {len(logs)} steps")
    print(f"workflow {workflow:.1f} s, one process {wall:.1f} s ({cpu:.1f} s CPU)")
    print(f"the orchestration adds {100 * (workflow / wall - 1):.1f} %; a pair costs {cpu / len(pairs):.1f} s of CPU")


def _simulate(bids: Path) -> Path:
    from newlesions.simulate.demo import write_demo

    write_demo(bids)
    return bids


def _costs(out: Path, pairs: int) -> str:
    """Per step: how often, mean wall and CPU seconds, and the largest memory, from Snakemake's benchmarks."""
    rows = [["step", "runs", "wall s", "CPU s", "memory MB"]]
    total = 0.0
    for step in STEPS:
        measured = [_benchmark(path) for path in sorted((work_folder(out) / "benchmarks" / step).glob("*.tsv"))]
        if not measured:
            continue
        walls, cpus, memories = zip(*measured, strict=True)
        total += sum(cpus)
        means = [f"{sum(values) / len(measured):.1f}" for values in (walls, cpus)]
        rows.append([step, str(len(measured)), *means, f"{max(memories):.0f}"])
    rows.append(["per pair", "", "", f"{total / pairs:.1f}", ""])
    return aligned(rows)


def _benchmark(path: Path) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds, and the largest resident memory in MB; short jobs have no memory or CPU measured."""
    with open(path, encoding="utf-8") as stream:
        row = next(csv.DictReader(stream, delimiter="\t"))
    return tuple(float(row[name]) if row[name] not in ("-", "NA", "") else 0.0 for name in ("s", "cpu_time", "max_rss"))  # type: ignore[return-value]


def _in_one_process(out: Path, logs: Iterable[Path]) -> tuple[float, float]:
    """Wall and CPU seconds of repeating the steps of ``logs`` here."""
    os.chdir(out)
    start, before = perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    for log in logs:
        replay(log)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return perf_counter() - start, cpu


if __name__ == "__main__":
    main()
