from __future__ import annotations

from dataclasses import replace

import pytest

from dicom.series import SERIES
from newlesions.dicom.flair import original, why_not, with_contrast


@pytest.mark.parametrize(
    "description",
    [
        "FLAIR",
        "Ax T2 FLAIR",
        "3D_Brain_VIEW_FLAIR_SHC",
        "t2_spc_da-fl_sag_p2_iso",
        "t2_tirm_tra_dark-fluid",
        "sag space",
    ],
)
def test_flairs_of_several_vendors_are_known(description: str) -> None:
    assert why_not(replace(SERIES, description=description)) == ""


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"description": "t1_mprage", "inversion_time": 900.0, "echo_time": 3.0}, "no FLAIR by name or times"),
        ({"description": "Ax T1 FLAIR"}, "T1-weighted by its name"),
        ({"description": "FLAIR", "echo_time": 9.0}, "echo time 9 ms: T1-weighted"),
        ({"description": "flair fs", "inversion_time": 160.0}, "inversion time 160 ms: fluid is not nulled"),
        ({"description": "DIR_3D"}, "no FLAIR by name or times"),
        ({"description": "FLAIR C-spine"}, "not of the brain"),
        ({"body_part": "CSPINE"}, "not of the brain"),
        ({"image_type": frozenset({"DERIVED", "SECONDARY", "MPR"})}, "image type MPR"),
        ({"description": "t2_tse_tra", "inversion_time": None}, "no FLAIR by name or times"),
    ],
)
def test_what_is_no_flair_of_the_brain_is_left_with_its_reason(values: dict[str, object], reason: str) -> None:
    assert why_not(replace(SERIES, **values)) == reason


@pytest.mark.parametrize("description", ["spin echo flair", "spinecho FLAIR", "flair coronal"])
def test_words_that_only_look_like_the_spine_do_no_harm(description: str) -> None:
    assert why_not(replace(SERIES, description=description)) == ""


def test_a_flair_is_known_without_times() -> None:
    silent = replace(SERIES, echo_time=None, repetition_time=None, inversion_time=None)
    assert why_not(silent) == ""
    assert why_not(replace(silent, description="brain")) == "no FLAIR by name or times"


def test_contrast_and_origin_are_seen() -> None:
    told = {
        text: with_contrast(replace(SERIES, description=text)) for text in ("flair +C", "flair_gd", "flair", "edge")
    }
    assert told == {"flair +C": True, "flair_gd": True, "flair": False, "edge": False}
    assert original(SERIES) and not original(replace(SERIES, image_type=frozenset({"DERIVED", "PRIMARY"})))
