from __future__ import annotations

import json
from pathlib import Path

import pytest

from cohort.heads import flair, touch
from newlesions.cohort.index import Selection, describe, detect_layout, index, write
from newlesions.cohort.pairs_table import read_pairs
from newlesions.errors import ConfigError


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    root = tmp_path / "study"
    for subject, labels in {"2": ("1", "2", "10"), "10": ("1", "2"), "3": ("1",)}.items():
        for label in labels:
            flair(root, subject, label)
    touch(root / "sub-4" / "ses-1" / "anat" / "sub-4_ses-1_T1w.nii.gz")
    return root


def test_bids_folder(cohort: Path, tmp_path: Path) -> None:
    result = index(cohort)
    assert [pair.pair for pair in result.pairs] == ["sub-2_ses-2", "sub-2_ses-10", "sub-10_ses-2"]
    assert [pair.baseline_session for pair in result.pairs] == ["1", "2", "1"]
    assert all(len(pair.baseline_sha256) == len(pair.followup_sha256) == 64 for pair in result.pairs)
    assert describe(result) == [
        "study (bids): 2 subjects, 3 pairs",
        "skipped sub-3: one session with a FLAIR (ses-1), two are needed",
        "skipped sub-4: no FLAIR",
    ]
    write(result, tmp_path / "out" / "pairs.tsv")
    assert read_pairs(tmp_path / "out" / "pairs.tsv") == result.pairs
    report = json.loads((tmp_path / "out" / "pairs.json").read_text())
    assert (report["layout"], report["input"]) == ("bids", "study")
    assert report["skipped"][1] == {"subject": "4", "reason": "no FLAIR"}


def test_all_against_the_first(cohort: Path) -> None:
    pairs = index(cohort, pairing="first").pairs
    assert [(pair.baseline_session, pair.followup_session) for pair in pairs] == [("1", "2"), ("1", "10"), ("1", "2")]


def test_filters_are_echoed(cohort: Path, tmp_path: Path) -> None:
    query = touch(tmp_path / "filter.json", '{"flair": {"run": null}}')
    result = index(cohort, selection=Selection(["sub-2", "4", "10"], ["2", "ses-10"], query))
    assert [(pair.baseline_session, pair.followup_session) for pair in result.pairs] == [("2", "10")]
    assert describe(result)[1:] == [
        "--participant-label sub-2 4 10: kept 3 subjects, dropped 1: sub-3",
        "--session-label 2 ses-10: kept 3 scans, dropped 2: sub-2_ses-1, sub-10_ses-1",
        '--bids-filter-file {"flair": {"run": null}}: kept 3 scans, dropped none',
        "skipped sub-4: no FLAIR",
        "skipped sub-10: one session with a FLAIR (ses-2), two are needed",
    ]


def test_dates_order_sessions(cohort: Path) -> None:
    table = "session_id\tacq_time\nses-1\t2021-05-01\nses-2\t2021-01-01\nses-10\t2021-03-01\n"
    touch(cohort / "sub-2" / "sub-2_sessions.tsv", table)
    first, second, other = index(cohort).pairs
    assert (first.baseline_session, first.followup_session, first.days) == ("2", "10", "59")
    assert (second.pair, second.baseline_date, second.followup_date) == ("sub-2_ses-1", "2021-03-01", "2021-05-01")
    assert other.days == ""


def test_masks_are_looked_up(cohort: Path) -> None:
    masks = cohort / "derivatives" / "given"
    new = touch(masks / "sub-2" / "sub-2_ses-2_space-orig_label-lesion_desc-new_mask.nii.gz")
    brain = touch(masks / "sub-2" / "sub-2_ses-2_desc-brain_mask.nii.gz")
    pairs = index(cohort, references=masks, brains=masks).pairs
    assert [pair.reference for pair in pairs] == [str(new), "", ""]
    assert [(pair.baseline_brain, pair.followup_brain) for pair in pairs] == [
        ("", str(brain)),
        (str(brain), ""),
        ("", ""),
    ]
    assert describe(index(cohort, references=masks))[1] == "with a reference mask: 1 pair"
    for subject, follow in (("2", "2"), ("2", "10")):
        touch(masks / f"sub-{subject}" / f"sub-{subject}_ses-{follow}_space-orig_label-lesion_desc-gone_mask.nii.gz")
    assert describe(index(cohort, references=masks))[1:4] == [
        "with a reference mask: 1 pair",
        "with a reference mask of gone lesions too: 1 pair",
        "with other masks but no reference of new lesions, not scored: 1 pair",
    ]


def test_a_reference_is_not_taken_over_a_session_that_was_filtered_away(cohort: Path) -> None:
    touch(cohort / "given" / "sub-2" / "sub-2_ses-10_space-orig_label-lesion_desc-new_mask.nii.gz")
    result = index(cohort, references=cohort / "given", selection=Selection(["2"], ["1", "10"]))
    assert result.pairs[0].reference == ""
    assert "another baseline" in result.report.notes[0]


def test_a_scan_that_cannot_be_read_is_named_and_kept(cohort: Path) -> None:
    path = cohort / "sub-10" / "ses-2" / "anat" / "sub-10_ses-2_FLAIR.nii.gz"
    path.unlink()
    path.symlink_to("nowhere")
    result = index(cohort)
    assert result.pairs[-1].followup_sha256 == ""
    assert result.report.notes == [
        "sub-10_ses-2: sub-10_ses-2_FLAIR.nii.gz cannot be read; its pairs will fail and say why"
    ]


def test_msseg2_and_tables(tmp_path: Path) -> None:
    for subject in ("001", "002"):
        for time in ("01", "02"):
            touch(tmp_path / "sets" / subject / f"flair_time{time}_on_middle_space.nii.gz")
    result = index(tmp_path / "sets", selection=Selection(["002"]))
    assert [(pair.pair, pair.aligned) for pair in result.pairs] == [("sub-002_ses-time02", "yes")]
    table = touch(tmp_path / "my.csv", "subject,baseline,followup,followup_session\n1,a,b,2\n1,a,c,3\n2,d,e,2\n")
    result = index(table, selection=Selection(session_labels=["1", "3"]))
    assert [pair.pair for pair in result.pairs] == ["sub-1_ses-3"]
    assert describe(result)[1:3] == [
        "--session-label 1 3: kept 1 pair, dropped 2: sub-1_ses-2, sub-2_ses-2",
        "skipped sub-2: the filters leave no pair",
    ]


def test_the_layout_is_told_by_looking(cohort: Path, tmp_path: Path) -> None:
    assert detect_layout(cohort) == "bids"
    assert detect_layout(touch(tmp_path / "x.tsv")) == "table"
    touch(tmp_path / "sets" / "sub-01" / "flair_time01_on_middle_space.nii.gz")
    assert detect_layout(tmp_path / "sets") == "msseg2"
    (tmp_path / "empty").mkdir()
    for folder, found in (
        (tmp_path / "absent", "no such file or folder"),
        (tmp_path / "empty", r"neither sub-\* folders"),
    ):
        with pytest.raises(ConfigError, match=found):
            detect_layout(folder)


def test_wrong_options_are_refused(cohort: Path, tmp_path: Path) -> None:
    table = touch(tmp_path / "my.csv", "subject,baseline,followup\n1,a,b\n")
    with pytest.raises(ConfigError, match="expected one of auto, bids"):
        index(cohort, layout="dicom")
    with pytest.raises(ConfigError, match="expected one of consecutive"):
        index(cohort, pairing="every")
    with pytest.raises(ConfigError, match="--bids-filter-file, references: found with the layout 'table'"):
        index(table, references=cohort, selection=Selection(bids_filter_file=table))


def test_no_pair_at_all_is_refused_with_the_reasons(cohort: Path) -> None:
    with pytest.raises(ConfigError, match=r"no pair of sessions \(sub-3: one session"):
        index(cohort, selection=Selection(["3"]))
    with pytest.raises(ConfigError, match="found 7, which matches nothing"):
        index(cohort, selection=Selection(["7"]))


def test_real_cohort(shared_data: Path) -> None:
    masks = shared_data / "open_ms" / "derivatives" / "reference"
    result = index(shared_data / "open_ms", references=masks, brains=masks)
    assert [pair.pair for pair in result.pairs] == ["sub-01_ses-2", "sub-12_ses-2"]
    assert [skipped.subject for skipped in result.report.skipped] == ["04", "09", "20"]
    assert all(pair.reference and pair.followup_brain and not pair.baseline_brain for pair in result.pairs)
