"""What Snakemake's planning and scheduling cost, for cohorts of growing size, beside a plain chain of as many rules.

    python benchmarks/planning.py [--pairs 10 100 1000] [--schedule 100]

Cohorts are made of scans of a few bytes, and nothing but Snakemake runs. Seconds are of CPU (user and system), so that
they hold on a busy machine too; what is planned side by side takes less time than that.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from newlesions import house
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import write_pairs
from newlesions.commands.results_table import aligned

QUIET = ("--dry-run", "--quiet", "rules", "progress")
SCHEDULERS = {
    "ILP, Snakemake's own choice": ("--scheduler", "ilp"),
    "greedy": ("--scheduler", "greedy"),
    "greedy, of 50 ready jobs": ("--scheduler", "greedy", "--scheduler-subsample", "50"),
}
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


@dataclass(frozen=True)
class Cost:
    """CPU seconds and the largest resident memory (MB) of a command, and the jobs that it told of."""

    seconds: float
    memory: float
    jobs: int


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", nargs="+", type=int, default=[10, 100, 1000], help="sizes of cohorts (10 100 1000)")
    parser.add_argument(
        "--schedule", nargs="*", type=int, default=[100], help="sizes to schedule, which takes long (100)"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="newlesions-") as folder:
        print(plans(Path(folder), args.pairs))
        for number in args.schedule:
            print(f"\n{schedules(Path(folder), number)}")


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


def schedules(folder: Path, number: int) -> str:
    """What each scheduler costs a job, in a run whose jobs take no time (Snakemake's --touch)."""
    rows = [[f"{number} pairs, scheduler", "ms a job"]]
    for place, (name, words) in enumerate(SCHEDULERS.items()):
        cohort = make_cohort(folder / f"schedule-{number}-{place}", number)
        make_results(cohort)
        forced = (*ours(), "--forceall")
        plan = run(cohort, *forced, *QUIET)
        touched = run(cohort, *forced, "--touch", "--quiet", "rules", "--cores", "2", *words)
        rows.append([name, f"{1000 * (touched.seconds - plan.seconds) / plan.jobs:.1f}"])
    return aligned(rows)


def ours() -> tuple[str, ...]:
    """The words that name our workflow, in a made cohort."""
    root = house.root()
    profile = ("--workflow-profile", str(root / "profiles" / "default"))
    return ("--snakefile", str(root / "Snakefile"), *profile, "--config", "pairs=pairs.tsv", "out=.")


def make_cohort(folder: Path, number: int) -> Path:
    """A pairs table of ``number`` subjects with two visits each, whose scans are a few bytes."""
    pairs = []
    for subject in (f"{one:05}" for one in range(number)):
        scans = [folder / "scans" / f"sub-{subject}_ses-{visit}_FLAIR.nii.gz" for visit in ("M00", "M12")]
        for scan in scans:
            scan.parent.mkdir(parents=True, exist_ok=True)
            scan.write_text(scan.name)
        pairs.append(Pair.of(subject, ("M00", "M12"), (str(scans[0]), str(scans[1]))))
    write_pairs(folder / "pairs.tsv", pairs)
    return folder


def make_results(cohort: Path) -> None:
    """Every file that the workflow would make, empty, and Snakemake's records of them."""
    summary = subprocess.run(command(*ours(), "--summary"), cwd=cohort, capture_output=True, text=True, check=True)
    for line in summary.stdout.splitlines()[1:]:
        path = cohort / line.split("\t")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    run(cohort, *ours(), "--touch", "--quiet", "all", "--cores", "2", *SCHEDULERS["greedy, of 50 ready jobs"])


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
    """Run Snakemake to its end, and say what it cost.

    Raises
    ------
    RuntimeError
        If it fails, with what it said.
    """
    with open(folder / "said", "w+", encoding="utf-8") as said:
        child = subprocess.Popen(command(*words), cwd=folder, stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read()
    if child.returncode:
        raise RuntimeError(text)
    totals = [line.split()[1] for line in text.splitlines() if line.startswith("total ")]
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, int(totals[0]) if totals else 0)


if __name__ == "__main__":
    main()
