"""What a pair costs, step by step, and what the orchestration adds over the same steps called in one process.

    python benchmarks/orchestration.py [BIDS_DIR] [--participant-label LABEL ...] [--folder FOLDER]

Without BIDS_DIR the simulated demonstration is run. All steps run one after the other, on one core. The orchestration's
share is told in CPU seconds, which hold on a busy machine too, and in seconds of the clock, which do not. The disk is
looked at twice a second.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
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
    parser.add_argument("--participant-label", nargs="+", default=[], help="these subjects alone")
    parser.add_argument("--folder", type=Path, default=Path("demo/bench"), help="where to work; it must not exist")
    args = parser.parse_args()
    if args.folder.exists():
        parser.error(f"{args.folder} exists; expected a new folder, so that every step is run")
    bids = args.bids or _simulate(args.folder / "bids")
    out = args.folder.absolute() / "out"
    labels = ["--participant-label", *args.participant_label] if args.participant_label else []
    workflow, workflow_cpu, most = _workflow(
        [sys.executable, "-m", "newlesions", "run", str(bids), str(out), "--cores", "1", *labels], out
    )
    pairs = read_pairs(out / "pairs.tsv")
    print(_costs(out, len(pairs)))
    print(f"\n{_disk(out, len(pairs), most)}", flush=True)
    logs = dict.fromkeys(log for pair in pairs for _, log in log_files(out, pair) if log.is_file())
    wall, cpu = _in_one_process(out, logs)
    print(f"\n{len(pairs)} pairs, {len(logs)} steps")
    print(f"workflow {workflow_cpu:.1f} s CPU ({workflow:.1f} s), one process {cpu:.1f} s CPU ({wall:.1f} s)")
    print(
        f"the orchestration adds {100 * (workflow_cpu / cpu - 1):.1f} % of CPU ({100 * (workflow / wall - 1):.1f} % of "
        f"the clock); a pair costs {cpu / len(pairs):.1f} s of CPU"
    )


def _workflow(words: Sequence[str], out: Path) -> tuple[float, float, float]:
    """Run a command: its seconds, those of CPU with all its steps, and the most that ``out`` held meanwhile, in MB."""
    most, ended = [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.5):
            most[0] = max(most[0], _megabytes(out))

    watching = threading.Thread(target=watch)
    start, before = perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    watching.start()
    subprocess.run(words, check=False, stdout=subprocess.DEVNULL)
    wall, after = perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    ended.set()
    watching.join()
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, most[0]


def _megabytes(folder: Path) -> float:
    """What the files of a folder take on disk; those that go meanwhile are passed over."""
    blocks = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                blocks += Path(path, name).stat().st_blocks
            except FileNotFoundError:
                continue
    return blocks * 512 / 1e6


def _disk(out: Path, pairs: int, most: float) -> str:
    """The disk that a pair takes, and how many files."""
    subjects = list(out.glob("sub-*"))
    kept = sum(_megabytes(path) for path in subjects)
    results = sum(path.is_file() for subject in subjects for path in subject.rglob("*"))
    work = [path for path in work_folder(out).rglob("*") if path.is_file()]
    records = out / ".snakemake" / "metadata"
    return (
        f"disk per pair: {kept / pairs:.1f} MB of results in {results / pairs:.0f} files, {most / pairs:.0f} MB at the "
        f"most; {len(work) / pairs:.0f} files in work, {len(list(records.iterdir())) / pairs:.0f} records of Snakemake "
        f"({_megabytes(records) / pairs:.2f} MB)"
    )


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
