from __future__ import annotations

import pytest

from newlesions.report.quality import overall, slice_verdict, verdicts

GOOD = {
    "registration_correlation": "0.95",
    "brain_overlap": "0.97",
    "inverse_consistency_mm": "0.1",
    "brain_baseline_ml": "1200",
    "brain_followup_ml": "1190",
    "noise": "3",
}


def test_a_sound_pair_is_good_in_everything():
    judged = verdicts(GOOD, noise_reference=60)
    assert len(judged) == 5
    assert overall(judged) == "good"


@pytest.mark.parametrize(
    ("change", "level"),
    [
        ({"registration_correlation": "0.8"}, "check"),
        ({"registration_correlation": "0.3"}, "poor"),
        ({"brain_overlap": "0.92"}, "check"),
        ({"inverse_consistency_mm": "2"}, "poor"),
        ({"brain_followup_ml": "1130"}, "check"),
        ({"brain_followup_ml": "1400"}, "poor"),
        ({"noise": "6"}, "check"),
    ],
)
def test_one_bad_number_decides(change, level):
    assert overall(verdicts(GOOD | change, noise_reference=60)) == level


def test_absent_numbers_are_not_judged():
    assert verdicts({"registration_correlation": "", "brain_baseline_ml": "0", "noise": "3"}) == []
    assert overall([]) == "good"


@pytest.mark.parametrize(
    ("baseline", "followup", "level", "word"),
    [
        ([1, 1, 1], [1, 1, 1.2], "good", "Thin"),
        ([0.5, 0.5, 3], [0.5, 0.5, 3], "note", "missed"),
        ([1, 1, 1], [0.5, 0.5, 5], "note", "differ"),
    ],
)
def test_slices_are_a_note_that_leaves_the_pair_good(baseline, followup, level, word):
    verdict = slice_verdict(baseline, followup)
    assert verdict is not None and verdict.level == level and word in verdict.sentence
    assert overall([verdict]) == "good"


def test_unknown_slices_are_not_judged():
    assert slice_verdict([], []) is None
