"""Snakemake's own process sleeps between jobs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from newlesions import house

_WORKFLOW = """\
include: "{process}"

onsuccess:
    print("limited" if workflow.scheduler.job_rate_limiter else "unlimited")

rule all:
    input: expand("{{number}}.txt", number=range(4))

rule one:
    output: "{{number}}.txt"
    shell: "touch {{output}}"
"""


@pytest.mark.parametrize(("words", "said"), [((), "unlimited"), (("--max-jobs-per-timespan", "2/1s"), "limited")])
def test_only_a_limit_that_the_user_sets_wakes_the_scheduler_every_second(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    process = house.root() / "workflow" / "rules" / "process.smk"
    (tmp_path / "Snakefile").write_text(_WORKFLOW.format(process=process))
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *words]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split()[-1] == said
    assert len(list(tmp_path.glob("*.txt"))) == 4
