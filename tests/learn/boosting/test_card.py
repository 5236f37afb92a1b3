from __future__ import annotations

from dataclasses import replace

from learn.boosting.trained import model
from newlesions.learn.boosting.card import card

ROWS = [
    {"pair": "a", "subject": "1", "Dice": 0.5, "F1_score": 0.6, "SensL": float("nan"), "candidates_Dice": 0.4},
    {"pair": "b", "subject": "2", "Dice": 0.7, "F1_score": 0.8, "SensL": 1.0, "PPVL": 0.5, "candidates_Dice": 0.6},
    {"pair": "c", "subject": "2", "NbTestedLesions": 2.0, "VolTestedLesions": 30.0},
]  # fmt: skip


def test_means_are_over_pairs_with_lesions_and_false_lesions_apart():
    text = card(model(), {"description": "What it does."}, ROWS)
    assert "3 pairs of 2 subjects" in text
    assert "| Dice | 0.600 | 0.141 | 0.600 |" in text
    assert "| SensL | 1.000 | 0.000 | 1.000 |" in text
    assert "1 pairs without: 0 without any false lesion, 2.00 false lesions a pair." in text
    assert f"from a probability of {model().accept:g}" in text


def test_the_strongest_features_are_named():
    text = card(model(), {}, ROWS)
    assert text.count("by share of the gain: `") == 2
    assert "too few false ones" in card(replace(model(), lesion=()), {}, ROWS)
