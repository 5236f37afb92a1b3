from __future__ import annotations

from pathlib import Path

import pytest

from cohort.heads import touch
from newlesions.cohort.msseg2 import find_pairs, is_msseg2
from newlesions.errors import ConfigError


def subject(root: Path, name: str, *files: str) -> Path:
    for file in files:
        touch(root / name / file)
    return root / name


BOTH = ("flair_time01_on_middle_space.nii.gz", "flair_time02_on_middle_space.nii.gz")


def test_pairs_are_aligned_and_carry_their_masks(tmp_path: Path) -> None:
    experts = [f"ground_truth_expert{number}.nii.gz" for number in (10, 2)]
    other = ("ground_truth_expertise.nii.gz", "ground_truth_expert3.txt")
    folder = subject(tmp_path, "013", *BOTH, "ground_truth.nii.gz", *experts, *other, "brain_mask.nii.gz")
    plain = subject(tmp_path, "9", *(name.removesuffix(".gz") for name in BOTH))
    subject(tmp_path, "notes", "readme.txt")
    (second, first), skipped = find_pairs(tmp_path)
    assert is_msseg2(tmp_path)
    assert (first.pair, first.aligned) == ("sub-013_ses-time02", "yes")
    assert (first.baseline, first.followup) == tuple(str(folder / name) for name in BOTH)
    assert first.reference == str(folder / "ground_truth.nii.gz")
    assert list(first.rater_masks) == ["expert2", "expert10"], "in the order of their numbers"
    assert first.rater_masks["expert2"] == str(folder / "ground_truth_expert2.nii.gz")
    assert first.baseline_brain == first.followup_brain == str(folder / "brain_mask.nii.gz")
    assert second.baseline == str(plain / "flair_time01_on_middle_space.nii")
    assert second.reference == second.raters == second.baseline_brain == ""
    assert skipped == []


def test_a_subject_that_lacks_a_scan_is_named(tmp_path: Path) -> None:
    subject(tmp_path, "001", BOTH[0])
    subject(tmp_path, "002", BOTH[1])
    pairs, skipped = find_pairs(tmp_path)
    assert pairs == []
    assert [(item.subject, item.reason) for item in skipped] == [("001", f"no {BOTH[1]}"), ("002", f"no {BOTH[0]}")]


def test_other_folders_are_refused(tmp_path: Path) -> None:
    assert not is_msseg2(tmp_path / "absent")
    with pytest.raises(ConfigError, match="no such folder"):
        find_pairs(tmp_path / "absent")
    with pytest.raises(ConfigError, match=r"found no flair_time01_on_middle_space\.nii\.gz"):
        find_pairs(tmp_path)
