from __future__ import annotations

from pathlib import Path

import pytest

from cohort.heads import touch
from newlesions.cohort.derivatives import Derivatives
from newlesions.errors import ConfigError

NEW = "sub-01_ses-2_space-orig_label-lesion_desc-new_mask.nii.gz"


def test_the_only_fitting_mask_is_taken(tmp_path: Path) -> None:
    expected = touch(tmp_path / "sub-01" / "ses-2" / "anat" / NEW)
    for other in (
        NEW.replace("ses-2", "ses-1"),
        NEW.replace("desc-new", "desc-gone"),
        NEW.replace("_space-orig", ""),
        NEW.replace("space-orig", "space-MNI"),
        NEW.replace("_mask", "_probseg"),
        NEW.replace("_label-lesion", ""),
    ):
        touch(expected.with_name(other))
    masks = Derivatives(tmp_path)
    assert masks.reference("01", "1", "2", consecutive=True) == str(expected)
    assert masks.reference("01", "1", "3", consecutive=True) == ""
    assert masks.reference("02", "1", "2", consecutive=True) == ""
    assert masks.notes == []


def test_a_mask_about_another_baseline_is_not_taken(tmp_path: Path) -> None:
    since = touch(tmp_path / "sub-01" / NEW.replace("desc-new", "desc-newSinceM00"))
    masks = Derivatives(tmp_path)
    assert masks.reference("01", "M00", "2", consecutive=False) == str(since)
    assert masks.reference("01", "M06", "2", consecutive=True) == ""
    touch(tmp_path / "sub-01" / NEW)
    assert masks.reference("01", "M06", "2", consecutive=False) == ""
    assert "may be about another baseline" in masks.notes[0]


def test_gone_lesions_have_a_reference_of_their_own(tmp_path: Path) -> None:
    plain = touch(tmp_path / "sub-01" / NEW.replace("desc-new", "desc-gone"))
    masks = Derivatives(tmp_path)
    assert masks.reference("01", "1", "2", consecutive=True, kind="gone") == str(plain)
    assert masks.reference("01", "1", "2", consecutive=True) == ""
    touch(tmp_path / "sub-01" / NEW.replace("desc-new", "desc-goneSince1"))
    assert masks.reference("01", "1", "2", consecutive=True, kind="gone") == ""
    assert masks.notes[0].startswith("2 masks could be the reference of gone lesions of sub-01_ses-2, none is used")


def test_two_masks_are_none(tmp_path: Path) -> None:
    touch(tmp_path / "sub-01" / "a" / NEW)
    touch(tmp_path / "sub-01" / "b" / NEW)
    masks = Derivatives(tmp_path)
    assert masks.reference("01", "1", "2", consecutive=True) == ""
    assert masks.notes[0].startswith("2 masks could be the reference of sub-01_ses-2, none is used")


def test_brain_masks(tmp_path: Path) -> None:
    brain = touch(tmp_path / "sub-01" / "sub-01_ses-2_desc-brain_mask.nii.gz")
    touch(tmp_path / "sub-01" / "sub-01_ses-2_space-common_desc-brain_mask.nii.gz")
    assert Derivatives(tmp_path).brain("01", "2") == str(brain)


def test_a_folder_without_masks_is_refused(tmp_path: Path) -> None:
    for folder, found in ((tmp_path / "absent", "no such folder"), (tmp_path, r"no sub-\* folder")):
        with pytest.raises(ConfigError, match=found):
            Derivatives(folder)


def test_masks_of_all_lesions_are_those_of_a_session(tmp_path: Path) -> None:
    name = "sub-01_ses-{}_space-orig_label-lesion_desc-all_mask.nii.gz"
    path = touch(tmp_path / "sub-01" / "ses-1" / "anat" / name.format(1))
    touch(tmp_path / "sub-01" / "ses-1" / "anat" / name.format(1).replace("all", "new"))
    given = Derivatives(tmp_path)
    assert (given.lesions("01", "1"), given.lesions("01", "2")) == (str(path), "")
