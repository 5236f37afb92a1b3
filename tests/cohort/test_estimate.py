from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from newlesions.cohort.costs import LEAST, Costs, read_benchmark, read_benchmarks, shipped
from newlesions.cohort.estimate import STEP_MB, estimate
from newlesions.cohort.results import run_steps
from newlesions.images.files import write_text
from newlesions.settings import read_config
from newlesions.steps.chains import job_of

SETTINGS: dict[str, Any] = read_config()
JOBS = sorted({job_of(step) for step in run_steps("trees")})
HEADER = "s\th:m:s\tmax_rss\tcpu_time\n"


def costs(**more: Any) -> Costs:
    return Costs(**{"settings": SETTINGS, "mvoxels": 7.0, **more})


@pytest.mark.parametrize("job", [*JOBS, "table", "scores"])
def test_every_job_without_networks_has_a_shipped_cost(job: str) -> None:
    assert (costs().seconds(job) or 0) > 0


def test_slower_settings_and_larger_scans_cost_more() -> None:
    slow = SETTINGS | {"bias": {"preset": "prados2021"}}
    assert (costs(settings=slow).seconds("bias") or 0) > 5 * (costs().seconds("bias") or 0)
    assert (costs(mvoxels=20.0).seconds("report") or 0) > (costs(mvoxels=2.0).seconds("report") or 0)
    assert (costs(aligned=1.0).seconds("halfway") or 0) < 0.2 * (costs().seconds("halfway") or 0)
    assert costs(settings=SETTINGS | {"brain": {"backend": "other"}}).seconds("brain") is None


def test_what_this_folder_measured_wins_and_gives_the_pace_of_the_rest() -> None:
    brain = costs().seconds("brain") or 0
    measured = costs(measured={"brain": [3 * brain] * LEAST, "bias": [1000.0] * (LEAST - 1)})
    assert measured.seconds("brain") == 3 * brain
    assert measured.seconds("bias") == pytest.approx(3 * (costs().seconds("bias") or 0)), "too few to count"
    assert costs(measured={"network": [60.0] * LEAST}).seconds("network") == 60.0


def test_benchmarks_are_read_and_what_was_too_short_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "work" / "benchmarks" / "brain"
    write_text(folder / "a.tsv", HEADER + "2.5\t0:00:02\tNA\t-\n")
    write_text(folder / "b.tsv", HEADER)
    assert read_benchmarks(tmp_path) == {"brain": [2.5]}
    assert read_benchmark(folder / "a.tsv") == {"s": 2.5}
    assert read_benchmarks(tmp_path / "absent") == {}


def test_jobs_share_cores_and_memory() -> None:
    jobs = dict.fromkeys(JOBS, 100) | {"table": 1, "all": 1}
    one, four = (estimate(jobs, costs(), names=(*JOBS, "table"), cores=cores) for cores in (1, 4))
    assert one.jobs == sum(jobs.values()) - 1, "a target is no job"
    assert one.unknown == ()
    assert one.wall_seconds == pytest.approx(one.core_seconds) == pytest.approx(4 * four.wall_seconds)
    tight = estimate(jobs, costs(), names=JOBS, cores=16, memory_mb=2.5 * STEP_MB)
    assert tight.at_once == 2
    assert one.gpu_seconds == 0


def test_one_pair_is_not_faster_than_its_jobs_one_by_one() -> None:
    found = estimate(dict.fromkeys(JOBS, 1), costs(), names=JOBS, cores=64)
    assert found.wall_seconds == pytest.approx(found.core_seconds)


def test_networks_take_gpus_where_the_settings_ask_for_them() -> None:
    jobs = {"network": 10}
    settings = SETTINGS | {"networks": SETTINGS["networks"] | {"gpus": 1}}
    found = estimate(jobs, costs(settings=settings, measured={"network": [360.0] * LEAST}), names=["network"], cores=8)
    assert found.gpu_seconds == 3600
    assert found.wall_seconds >= 3600, "as many GPUs as the settings ask a job to have, one job after the other"
    assert estimate(jobs, costs(), names=["network"], cores=8).unknown == ("network",)


def test_the_disk_holds_what_is_kept_or_what_is_in_flight() -> None:
    jobs = dict.fromkeys(JOBS, 100) | dict.fromkeys(("bias", "brain"), 200)
    kept = estimate(jobs, costs(), names=JOBS, cores=2)
    lean = estimate(jobs, costs(settings=SETTINGS | {"keep_work": False}), names=JOBS, cores=2)
    assert kept.peak_mb == kept.kept_mb
    assert lean.kept_mb == pytest.approx(100 * costs().megabytes("results"))
    assert lean.kept_mb < lean.peak_mb < kept.peak_mb


def test_the_shipped_table_says_how_much_it_rests_on() -> None:
    assert shipped()["scans"] >= 20
    assert all(entry["measured"] >= 1 for entries in shipped()["jobs"].values() for entry in entries)
