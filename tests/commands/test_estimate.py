from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from newlesions.cohort.costs import LEAST
from newlesions.cohort.estimate import Estimate
from newlesions.cohort.pairs import Pair
from newlesions.cohort.results import STEPS, config_file
from newlesions.commands.estimate import Limits, Teller, amount, duration, megabytes, text_of
from newlesions.images.files import write_json, write_text
from newlesions.settings import read_config
from newlesions.steps.chains import job_of


def benchmark(out: Path, step: str, seconds: float) -> None:
    for number in range(LEAST):
        write_text(out / "work" / "benchmarks" / step / f"{number}.tsv", f"s\tcpu_time\n{seconds}\t{seconds}\n")


def told(teller: Teller, capsys: pytest.CaptureFixture[str]) -> str:
    teller.tell({"brain": 3600, "all": 1}, Limits(at_once=2))
    return capsys.readouterr().out


def test_the_estimate_and_its_basis_are_two_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scan = tmp_path / "a.nii"
    nibabel.save(nibabel.Nifti1Image(np.zeros((100, 100, 50), np.uint8), np.eye(4)), scan)
    teller = Teller(tmp_path / "out", read_config())
    teller.read_pairs([Pair.of("01", ("1", "2"), (str(scan), str(tmp_path / "absent.nii")))])
    first, second = told(teller, capsys).splitlines()
    assert first.startswith("estimate  3,600 jobs, ")
    assert "0 GPU hours" in first and "with 2 at once" in first
    assert second.startswith("basis ") and second.endswith("for scans of 0.5 million voxels")


def test_earlier_runs_count_where_their_settings_were_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = read_config()
    write_json(config_file(tmp_path), config)
    benchmark(tmp_path, "brain", 1.0)
    said = told(Teller(tmp_path, config), capsys)
    assert "1 CPU hours" in said and f"{LEAST} jobs of earlier runs" in said
    other = config | {"brain": {"backend": "hd-bet"}}
    said = told(Teller(tmp_path, other), capsys)
    assert "0 CPU hours" in said and "since not known: brain" in said


def test_a_full_disk_is_told() -> None:
    found = Estimate(10, 3600.0, 0.0, 1800.0, 2, 5000.0, 1000.0)
    assert text_of(found, 9000.0) == (
        "10 jobs, 1 CPU hours, 0 GPU hours; about 30 min with 2 at once; disk 5 GB at the peak, 1 GB kept (9 GB free)"
    )
    assert text_of(found, 4000.0).endswith("(4 GB free, NOT ENOUGH)")


def test_amounts_are_short() -> None:
    assert [amount(number) for number in (0, 0.0123, 1.26, 12.6, 12345)] == ["0", "0.012", "1.3", "13", "12,345"]
    assert [megabytes(number) for number in (12.3, 1234, 2.5e6)] == ["12 MB", "1.2 GB", "2.5 TB"]
    assert [duration(seconds) for seconds in (59, 3599, 3600 * 47.5, 3600 * 49)] == [
        "59 s",
        "1 h 0 min",
        "47 h 30 min",
        "2 d 1 h",
    ]


def test_no_job_of_the_flow_is_taken_for_a_target(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = {job_of(step) for step in STEPS}
    Teller(tmp_path, read_config()).tell(dict.fromkeys(jobs, 1000), Limits(at_once=1))
    said = capsys.readouterr().out
    assert f"{len(jobs)},000 jobs" in said and "not known" not in said


def test_a_job_is_another_where_a_setting_of_any_of_its_steps_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = read_config()
    write_json(config_file(tmp_path), config | {"ingest": config["ingest"] | {"min_voxel_mm": 0.1}})
    benchmark(tmp_path, "bias", 1.0)
    benchmark(tmp_path, "brain", 1.0)
    assert f"{LEAST} jobs of earlier runs" in told(Teller(tmp_path, config), capsys), "those of brain alone"
