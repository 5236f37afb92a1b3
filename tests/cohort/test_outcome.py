from __future__ import annotations

from pathlib import Path

import pytest

from newlesions.cohort.outcome import COLUMNS, outcomes, table_text, why_failed
from newlesions.cohort.pairs import Pair
from newlesions.cohort.results import (
    STEPS,
    TRAINING_STEPS,
    log_files,
    page_file,
    run_steps,
    samples_file,
    scores_file,
    summary_file,
)
from newlesions.images.files import write_json, write_text

PAIR = Pair.of("01", ("M00", "M12"), ("/data/here/a_FLAIR.nii", "/data/here/b_FLAIR.nii")).with_values(days="365")


def write_log(out: Path, step: str, stem: str, last: str) -> None:
    write_text(out / "work" / "logs" / step / f"{stem}.log", f"CALL: {{}}\n{last}\n")


def row_of(out: Path) -> dict[str, str]:
    (row,) = outcomes(out, [PAIR])
    assert tuple(row) == COLUMNS
    return row


def test_a_finished_pair_shows_its_summary(tmp_path: Path) -> None:
    write_text(page_file(tmp_path, PAIR), "page")
    write_json(
        summary_file(tmp_path, PAIR),
        {"new_count": 2, "new_volume_mm3": 120.5, "noise": None, "warnings": ["thick", "dark"], "unknown": 1},
    )
    row = row_of(tmp_path)
    assert (row["status"], row["reason"], row["days"]) == ("done", "", "365")
    assert (row["new_count"], row["new_volume_mm3"], row["noise"], row["warnings"]) == ("2", "120.5", "", "thick; dark")


def test_the_first_failure_in_the_order_of_the_flow_is_the_reason(tmp_path: Path) -> None:
    write_log(tmp_path, "ingest", "sub-01_ses-M00", "ingest took 1.0 s")
    write_log(tmp_path, "brain", "sub-01_ses-M12", "ERROR: b: no brain")
    write_log(tmp_path, "ingest", "sub-01_ses-M12", "ERROR: /data/here/b_FLAIR.nii: found\ta cut file; expected all")
    row = row_of(tmp_path)
    assert row["status"] == "failed"
    assert row["reason"] == "ingest: b_FLAIR.nii: found a cut file; expected all"


def test_the_baselines_failure_counts_too(tmp_path: Path) -> None:
    write_log(tmp_path, "bias", "sub-01_ses-M00", "ERROR: no head")
    assert row_of(tmp_path)["reason"] == "bias: no head"


def test_a_step_that_was_killed_is_told(tmp_path: Path) -> None:
    write_log(tmp_path, "halfway", "sub-01_ses-M12", "half a sentence")
    assert row_of(tmp_path)["reason"].startswith("halfway of sub-01_ses-M12: stopped without a reason")


def test_a_failure_after_an_earlier_success_counts(tmp_path: Path) -> None:
    write_text(page_file(tmp_path, PAIR), "page")
    write_json(summary_file(tmp_path, PAIR), {"new_count": 2})
    write_log(tmp_path, "ingest", "sub-01_ses-M12", "ERROR: the file changed")
    row = row_of(tmp_path)
    assert (row["status"], row["new_count"]) == ("failed", "")


def test_a_pair_without_its_page_is_not_done(tmp_path: Path) -> None:
    write_json(summary_file(tmp_path, PAIR), {"new_count": 2})
    assert row_of(tmp_path)["status"] == "failed"


def test_a_pair_that_nobody_started_is_told(tmp_path: Path) -> None:
    assert row_of(tmp_path)["reason"].startswith("not reached")


def test_reasons_are_one_short_line_without_folders(tmp_path: Path) -> None:
    write_log(tmp_path, "report", "sub-01_ses-M12", f"ERROR: {tmp_path / 'x.nii'} " + "long " * 200)
    reason = row_of(tmp_path)["reason"]
    assert str(tmp_path) not in reason
    assert len(reason) <= 300
    text = table_text(outcomes(tmp_path, [PAIR]))
    assert len(text.splitlines()) == 2
    assert all(line.count("\t") == len(COLUMNS) - 1 for line in text.splitlines())


def test_a_pair_without_a_reference_was_never_to_be_scored(tmp_path: Path) -> None:
    assert "evaluate" not in dict(log_files(tmp_path, PAIR))


def test_a_bad_reference_leaves_a_pair_done_and_is_its_reason(tmp_path: Path) -> None:
    pair = PAIR.with_values(reference="/data/here/r.nii")
    write_text(page_file(tmp_path, pair), "page")
    write_json(summary_file(tmp_path, pair), {"new_count": 2})
    assert outcomes(tmp_path, [pair])[0]["reason"].startswith("evaluate: not reached")
    write_json(scores_file(tmp_path, pair), {"failed": "/data/here/r.nii: found no such file; expected a mask"})
    (row,) = outcomes(tmp_path, [pair])
    assert (row["status"], row["new_count"]) == ("done", "2")
    assert row["reason"] == "evaluate: r.nii: found no such file; expected a mask"
    assert outcomes(tmp_path, [PAIR])[0]["reason"] == "", "scores of an earlier run, with a reference, do not count"
    write_json(scores_file(tmp_path, pair), {"measures": {}})
    assert outcomes(tmp_path, [pair])[0]["reason"] == ""


@pytest.mark.parametrize("step", STEPS)
def test_every_step_of_a_pair_has_a_log_to_look_at(step: str) -> None:
    scored = PAIR.with_values(reference="/data/here/r.nii")
    stems = [path.stem for name, path in log_files(Path("out"), scored) if name == step]
    expected = {
        "finalise": ["sub-01_ses-M12_since-M00"],
        **{name: ["sub-01_ses-M00", "sub-01_ses-M12"] for name in ("ingest", "bias", "brain")},
    }
    assert stems == expected.get(step, ["sub-01_ses-M12"])


def test_a_bucket_of_networks_that_failed_is_told_of_its_pairs(tmp_path: Path) -> None:
    write_log(tmp_path, "network", "1-of-2", "ERROR: the device is full")
    steps, bucket = run_steps("networks"), {PAIR.pair: "1-of-2"}
    assert "refine" not in steps and steps.index("network") < steps.index("decide") < steps.index("finalise")
    assert outcomes(tmp_path, [PAIR], steps, bucket)[0]["reason"] == "network: the device is full"
    assert outcomes(tmp_path, [PAIR], steps, {PAIR.pair: "2-of-2"})[0]["reason"].startswith("not reached")


def test_only_the_steps_of_the_run_count(tmp_path: Path) -> None:
    write_text(page_file(tmp_path, PAIR), "page")
    write_json(summary_file(tmp_path, PAIR), {"new_count": 2})
    write_log(tmp_path, "refine", "sub-01_ses-M12", "ERROR: no such model")
    assert outcomes(tmp_path, [PAIR], run_steps("trees"))[0]["reason"] == "refine: no such model"
    assert outcomes(tmp_path, [PAIR], run_steps(None))[0]["status"] == "done"


def test_a_pair_without_samples_says_why(tmp_path: Path) -> None:
    result = samples_file(tmp_path, PAIR)
    assert why_failed(tmp_path, PAIR, TRAINING_STEPS, result).startswith("not reached")
    write_text(result, "samples")
    assert why_failed(tmp_path, PAIR, TRAINING_STEPS, result) == ""
    write_log(tmp_path, "report", "sub-01_ses-M12", "ERROR: of another run")
    assert why_failed(tmp_path, PAIR, TRAINING_STEPS, result) == ""
    write_log(tmp_path, "brain", "sub-01_ses-M00", "ERROR: no brain")
    assert why_failed(tmp_path, PAIR, TRAINING_STEPS, result) == "brain: no brain"
