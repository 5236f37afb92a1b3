"""What Snakemake plans, without running it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from newlesions import house
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import write_pairs
from newlesions.cohort.results import NETWORK_STEPS, NETWORK_TRAINING_STEPS, STEPS, TRAINING_STEPS
from newlesions.steps.chains import CHAINS


def snakemake(*words: str, directory: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "snakemake", *words],
        cwd=directory or house.root(),
        capture_output=True,
        text=True,
        check=False,
    )


def jobs(planned: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """Jobs by rule."""
    assert planned.returncode == 0, planned.stderr
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", planned.stdout, re.MULTILINE)}


def test_a_bare_dry_run_in_the_root_plans_the_demo() -> None:
    planned = jobs(snakemake("-n", "-q", "rules"))
    assert planned["bias"] == planned["brain"] == 9
    assert {planned[job] for job in ("halfway", "harmonise", "candidates", "finalise", "report")} == {5}
    assert not {"scores", "refine", "sample", "fit"} & planned.keys()
    assert sum(planned.values()) == 2 * (9 + 9 + 5 * 5 + 2), "no other jobs, and their total"
    assert planned["table"] == 1


def test_a_session_is_prepared_once_for_both_of_its_pairs(tmp_path: Path) -> None:
    scans = {label: str(tmp_path / f"{label}.nii") for label in ("1", "2", "3")}
    pairs = [Pair.of("01", (a, b), (scans[a], scans[b])) for a, b in (("1", "2"), ("2", "3"))]
    write_pairs(tmp_path / "pairs.tsv", pairs)
    planned = jobs(
        snakemake(
            *("-n", "-q", "rules", "--snakefile", str(house.root() / "Snakefile")),
            *("--config", "pairs=pairs.tsv", "out=results"),
            directory=tmp_path,
        )
    )
    assert planned["bias"] == planned["brain"] == 3
    assert planned["halfway"] == planned["report"] == 2


def test_pairs_with_a_reference_are_scored_and_no_others(tmp_path: Path) -> None:
    pairs = [Pair.of(name, ("1", "2"), (str(tmp_path / "a.nii"), str(tmp_path / "b.nii"))) for name in ("01", "02")]
    write_pairs(tmp_path / "pairs.tsv", [pairs[0].with_values(reference=str(tmp_path / "absent.nii")), pairs[1]])
    planned = jobs(
        snakemake(
            *("-n", "-q", "rules", "--snakefile", str(house.root() / "Snakefile")),
            *("--config", "pairs=pairs.tsv", "out=results"),
            directory=tmp_path,
        )
    )
    assert planned["scores"] == 1
    assert planned["report"] == 2


def test_training_leaves_each_subject_out_once(tmp_path: Path) -> None:
    names = ("01", "02", "03", "04")
    pairs = [Pair.of(name, ("1", "2"), (str(tmp_path / f"{name}a.nii"), str(tmp_path / "b.nii"))) for name in names]
    pairs = [pair.with_values(reference=str(tmp_path / "r.nii") if pair.subject != "04" else "") for pair in pairs]
    write_pairs(tmp_path / "pairs.tsv", pairs)
    words = ("-n", "-q", "rules", "--snakefile", str(house.root() / "Snakefile"))
    config = ("--config", "pairs=pairs.tsv", "out=model", "recipe=boosted", "training=True")
    planned = jobs(snakemake(*words, *config, directory=tmp_path))
    assert (planned["sample"], planned["fit"], planned["held_out"], planned["assemble"]) == (3, 4, 3, 1)
    assert not {"finalise", "report", "table", "refine"} & planned.keys()


def test_the_workflow_file_itself_can_be_run(tmp_path: Path) -> None:
    words = ("-n", "-q", "rules", "--snakefile", "workflow/Snakefile", "--config", f"out={tmp_path}")
    assert jobs(snakemake(*words))["table"] == 1


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("recipe=nonesuch", "recipe: found 'nonesuch'; expected one of"),
        ("pairs=nonesuch.tsv", "nonesuch.tsv: found no readable table"),
        ("colour=red", "found 'colour'; expected only"),
    ],
)
def test_a_wrong_configuration_is_named(config: str, message: str) -> None:
    planned = snakemake("-n", "--config", config)
    assert planned.returncode != 0
    assert message in planned.stdout + planned.stderr


def test_every_rule_says_what_it_does_and_where_it_logs() -> None:
    text = "\n".join(path.read_text() for path in sorted((house.root() / "workflow" / "rules").glob("*.smk")))
    rules = re.split(r"^rule (\w+):$", text, flags=re.MULTILINE)[1:]
    bodies = dict(zip(rules[::2], rules[1::2], strict=True))
    for target in ("samples", "cases"):
        assert target in bodies, "a target without a step of its own"
        del bodies[target]
    joined = {step for job, steps in CHAINS.items() for step in steps if step != job}
    of_pairs = {*STEPS, *TRAINING_STEPS, *NETWORK_STEPS, *NETWORK_TRAINING_STEPS} - joined
    of_models = {"fit", "held_out", "assemble", "fit_network", "network_held_out", "assemble_networks", "network_seen"}
    assert bodies.keys() == {*of_pairs, *of_models, "scores", "table"}
    for name, body in bodies.items():
        assert body.lstrip().startswith('"""'), f"{name} has no docstring"
        for part in ("log:", "benchmark:", "threads:", "mem_mb=", "runtime=", "message:", "script:"):
            assert part in body, f"{name} has no {part}"


@pytest.mark.slow
def test_snakemake_finds_nothing_to_lint() -> None:
    linted = snakemake("--lint")
    assert linted.returncode == 0, linted.stderr
