"""What Snakemake's planning and scheduling cost, for cohorts of growing size, beside a plain chain of as many rules.

    python benchmarks/planning.py [--pairs 10 100 1000] [--schedule 100] [--command 1000]

Cohorts are made of scans of a few bytes, and nothing but Snakemake runs; with `--command`, all of `newlesions run
--dry-run`, with its shards. Seconds are of CPU (user and system), so that they hold on a busy machine too; what is
planned side by side takes less time than that. The clock's seconds beside them are as many as others let them be.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import psutil

from newlesions import house
from newlesions.cohort.freeze import freeze
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import read_pairs, write_pairs
from newlesions.cohort.results import work_folder
from newlesions.cohort.shards import COHORT, shards_of
from newlesions.cohort.unchanged import Unchanged
from newlesions.commands.parts import pairs_of, parts_of
from newlesions.commands.results_table import aligned
from newlesions.images.files import write_json
from newlesions.settings import read_config, settle

QUIET = ("--dry-run", "--quiet", "rules", "progress")
SCHEDULERS = {
    "ilp": ("--scheduler", "ilp"),
    "greedy": ("--scheduler", "greedy"),
    "greedy-of-50": ("--scheduler", "greedy", "--scheduler-subsample", "50"),
}
"""Snakemake's own choice; one that is quick; the same among 50 of the ready jobs."""
_PLAIN = """\
rule all:
    input: expand("{{pair}}/{last}", pair=range({pairs}))
{rules}
"""
_PLAIN_RULE = """
rule step{number}:
    input: {source}
    output: "{{pair}}/{number}"
    shell: "touch {{output}}"
"""


RECORDS = Path(".snakemake") / "metadata"
"""Snakemake's records of outputs: one file each, whose name is that of the output in base 64."""
SUBJECT = "S00000"
"""The one that the results of all others are copied from."""


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds of CPU and of the clock, the most memory (MB), and the jobs that it told of.

    The memory is what all its processes hold together (resident, shared pages counted in each), looked at four times a
    second.
    """

    seconds: float
    wall: float
    memory: float
    jobs: int


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", nargs="*", type=int, default=[10, 100, 1000], help="sizes of cohorts (10 100 1000)")
    parser.add_argument(
        "--schedule", nargs="*", type=int, default=[100], help="sizes to schedule, which takes long (100)"
    )
    parser.add_argument(
        "--schedulers", nargs="+", choices=SCHEDULERS, default=list(SCHEDULERS), help="those to schedule by (all)"
    )
    parser.add_argument(
        "--command", nargs="*", type=int, default=[1000], help="sizes to plan by `newlesions run` (1000)"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="newlesions-") as folder:
        if args.pairs:
            print(plans(Path(folder), args.pairs), flush=True)
        for number in args.schedule:
            print(f"\n{schedules(Path(folder), number, args.schedulers)}", flush=True)
        if args.command:
            print(f"\n{commands(Path(folder), args.command)}", flush=True)


def plans(folder: Path, sizes: Sequence[int]) -> str:
    """The table of plans: of everything, of nothing to do, and of a plain chain."""
    rows = [["pairs", "jobs", "plan s", "no-op s", "MB", "plain chain s", "plan / chain"]]
    slopes: dict[str, list[float]] = {"plan": [], "no-op": [], "chain": []}
    for number in sizes:
        cohort = make_cohort(folder / str(number), number)
        plan = run(cohort, *ours(), *QUIET)
        make_results(cohort)
        idle = run(cohort, *ours(), *QUIET)
        chain = run(make_chain(folder / f"chain-{number}", number, max(2, round(plan.jobs / number))), *QUIET)
        slopes["plan"].append(plan.seconds)
        slopes["no-op"].append(idle.seconds)
        slopes["chain"].append(chain.seconds)
        cells = [f"{cost:.1f}" for cost in (plan.seconds, idle.seconds)]
        ratio = f"{plan.seconds / chain.seconds:.1f}"
        rows.append([str(number), str(plan.jobs), *cells, f"{plan.memory:.0f}", f"{chain.seconds:.1f}", ratio])
    text = aligned(rows)
    if len(sizes) > 1:
        for name, seconds in slopes.items():
            slope = (seconds[-1] - seconds[0]) / (sizes[-1] - sizes[0])
            text += f"\n{name}: {1000 * slope:.1f} ms a pair between {sizes[0]} and {sizes[-1]}"
    return text


def schedules(folder: Path, number: int, schedulers: Sequence[str]) -> str:
    """What each scheduler costs a job, in a run whose jobs take no time (Snakemake's --touch)."""
    rows = [[f"{number} pairs, scheduler", "ms a job"]]
    for name in schedulers:
        cohort = make_cohort(folder / f"schedule-{number}-{name}", number)
        make_results(cohort)
        forced = (*ours(), "--forceall")
        plan = run(cohort, *forced, *QUIET)
        touched = run(cohort, *forced, "--touch", "--quiet", "rules", "--cores", "2", *SCHEDULERS[name])
        rows.append([name, f"{1000 * (touched.seconds - plan.seconds) / plan.jobs:.1f}"])
    return aligned(rows)


def commands(folder: Path, sizes: Sequence[int]) -> str:
    """What `newlesions run --dry-run` costs, from the search for scans to the estimate, over all shards.

    With everything before it; with nothing to do, as a run that came to its end leaves it; with nothing to do where
    Snakemake has to find that out, as after another program wrote the same results.
    """
    rows = [["newlesions run --dry-run of", "what", "jobs", "CPU s", "clock s", "MB"]]
    for number in sizes:
        cohort = make_cohort(folder / f"command-{number}", number)
        words = (sys.executable, "-m", "newlesions", "run", str(cohort / "bids"), str(cohort), "--dry-run")
        (cohort / "pairs.tsv").rename(cohort / "kept.tsv")
        rows.append([f"{number} pairs", "everything", *_cells(spend(cohort, words))])
        (cohort / "kept.tsv").rename(cohort / "pairs.tsv")
        make_results(cohort)
        _note(cohort)
        rows.append([f"{number} pairs", "nothing, as a run left it", *_cells(spend(cohort, words))])
        shutil.rmtree(work_folder(cohort) / "unchanged")
        rows.append([f"{number} pairs", "nothing, to be found out", *_cells(spend(cohort, words))])
        print("\n".join("  ".join(row) for row in rows[-3:]), flush=True)
    return aligned(rows)


def _note(cohort: Path) -> None:
    """What a run notes of each part that came to its end."""
    settled = settle(read_config(None) | {"pairs": "pairs.tsv", "out": "."})
    shards = shards_of(read_pairs(cohort / "pairs.tsv"), settled["shard"])
    unchanged = Unchanged(cohort, settled, {}, ())
    for part in parts_of(shards):
        unchanged.note(part, pairs_of(part, shards))


def _cells(cost: Cost) -> list[str]:
    return [str(cost.jobs), f"{cost.seconds:.1f}", f"{cost.wall:.1f}", f"{cost.memory:.0f}"]


def ours(part: str | None = None) -> tuple[str, ...]:
    """The words that name our workflow, or a part of it, in a made cohort."""
    root = house.root()
    profile = ("--workflow-profile", str(root / "profiles" / "default"))
    return ("--snakefile", str(root / "Snakefile"), *profile, "--configfile", _config(part))


def _config(part: str | None) -> str:
    return f"config-{part or 'whole'}.json"


def make_cohort(folder: Path, number: int) -> Path:
    """A BIDS folder and a pairs table of ``number`` subjects with two visits each, whose scans are a few bytes."""
    pairs = []
    for subject in (f"S{one:05}" for one in range(number)):
        scans = []
        for visit in ("M00", "M12"):
            anat = folder / "bids" / f"sub-{subject}" / f"ses-{visit}" / "anat"
            anat.mkdir(parents=True)
            scans.append(anat / f"sub-{subject}_ses-{visit}_FLAIR.nii.gz")
            scans[-1].write_text(visit)  # the same of all subjects, so that their digests are
        pairs.append(Pair.of(subject, ("M00", "M12"), (str(scans[0]), str(scans[1]))))
    write_pairs(folder / "pairs.tsv", freeze(pairs)[0])
    for part in (None, COHORT):
        write_json(folder / _config(part), read_config(None) | {"pairs": "pairs.tsv", "out": ".", "part": part})
    return folder


def make_results(cohort: Path) -> None:
    """Every file that the workflow would make, empty, and Snakemake's records of them.

    Snakemake makes those of the first pair; the others' are copies with another subject's name in them.
    """
    table = cohort / "pairs.tsv"
    pairs = read_pairs(table)
    write_pairs(table, pairs[:1])
    _touch(cohort)
    write_pairs(table, pairs)
    others = [pair.subject for pair in pairs[1:]]
    made = [path for folder in (f"sub-{SUBJECT}", f"work/sub-{SUBJECT}") for path in (cohort / folder).rglob("*.*")]
    for path in made:
        changed, name = path.stat().st_mtime_ns, str(path.relative_to(cohort))
        for subject in others:
            copy = cohort / name.replace(SUBJECT, subject)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.touch()
            os.utime(copy, ns=(changed, changed))
    for record in list((cohort / RECORDS).iterdir()):
        name, text = urlsafe_b64decode(record.name).decode(), record.read_text(encoding="utf-8")
        for subject in others if SUBJECT in name else ():
            copied = urlsafe_b64encode(name.replace(SUBJECT, subject).encode()).decode()
            (cohort / RECORDS / copied).write_text(text.replace(SUBJECT, subject), encoding="utf-8")
    _touch(cohort, COHORT)


def _touch(cohort: Path, part: str | None = None) -> None:
    """Make what is missing, each file after those that it is made from, with Snakemake's records."""
    words = ours(part)
    summary = subprocess.run(command(*words, "--summary"), cwd=cohort, capture_output=True, text=True, check=True)
    for line in summary.stdout.splitlines()[1:]:
        path = cohort / line.split("\t")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    run(cohort, *words, "--touch", "--forceall", "--quiet", "all", "--cores", "2", *SCHEDULERS["greedy"])


def make_chain(folder: Path, number: int, rules: int) -> Path:
    """A workflow of plain rules, each with one input and one output."""
    folder.mkdir()
    texts = [
        _PLAIN_RULE.format(number=one, source=f'"{{pair}}/{one - 1}"' if one > 1 else "[]")
        for one in range(1, rules + 1)
    ]
    (folder / "Snakefile").write_text(_PLAIN.format(last=rules, pairs=number, rules="\n".join(texts)))
    return folder


def command(*words: str) -> list[str]:
    """A Snakemake command."""
    return [sys.executable, "-m", "snakemake", "--nolock", *words]


def run(folder: Path, *words: str) -> Cost:
    """Run Snakemake to its end, and say what it cost."""
    return spend(folder, command(*words))


def spend(folder: Path, words: Sequence[str]) -> Cost:
    """Run a command in ``folder`` to its end, and say what it cost.

    Raises
    ------
    RuntimeError
        If it fails, with what it said.
    """
    most, ended, start = [0.0], threading.Event(), perf_counter()
    with open(folder / "said", "w+", encoding="utf-8") as said:
        child = subprocess.Popen(words, cwd=folder, stdout=said, stderr=subprocess.STDOUT)
        watch = threading.Thread(target=_watch, args=(child.pid, most, ended))
        watch.start()
        _, status, usage = os.wait4(child.pid, 0)
        wall = perf_counter() - start
        ended.set()
        watch.join()
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read()
    if child.returncode:
        raise RuntimeError(text)
    totals = [line.split()[1] for line in text.splitlines() if line.startswith("total ")]
    memory = max(most[0], usage.ru_maxrss / 1024)
    return Cost(usage.ru_utime + usage.ru_stime, wall, memory, int(totals[0]) if totals else 0)


def _watch(pid: int, most: list[float], ended: threading.Event) -> None:
    """Keep in ``most`` the largest sum of what a process and its children hold, in MB."""
    while not ended.wait(0.25):
        held = 0
        try:
            for process in (parent := psutil.Process(pid), *parent.children(recursive=True)):
                held += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
        most[0] = max(most[0], held / 2**20)


if __name__ == "__main__":
    main()
