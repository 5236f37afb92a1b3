from __future__ import annotations

import numpy as np

from newlesions.detect.carry import Lesions, separate
from newlesions.steps.refine import _numbered


def explanation(kind: str, centre: tuple[float, float, float], probability: float = 0.8) -> dict[str, object]:
    return {"kind": kind, "centre": list(centre), "probability": probability, "top": [{"feature": str(centre)}]}


def lesions() -> Lesions:
    """By size: a new one of 8 voxels, a new one of 1, a gone one of 1."""
    change = np.zeros((12, 12, 12), np.uint8)
    change[6:8, 6:8, 6:8] = 1
    change[2, 2, 2] = 1
    change[3, 3, 8] = 3
    return separate(change)


def test_explanations_have_the_numbers_of_the_table() -> None:
    given = [explanation("gone", (3, 3, 8)), explanation("new", (2, 2, 2)), explanation("new", (6.5, 6.5, 6.5))]
    numbered = _numbered(given, lesions())
    assert [(row["id"], row["kind"], row["top"][0]["feature"]) for row in numbered] == [
        (1, "new", "(6.5, 6.5, 6.5)"),
        (2, "new", "(2, 2, 2)"),
        (3, "gone", "(3, 3, 8)"),
    ]
    assert "centre" not in numbered[0]


def test_of_two_that_became_one_the_more_probable_speaks() -> None:
    given = [explanation("new", (6, 6.5, 6.5), 0.6), explanation("new", (7, 6.5, 6.5), 0.9)]
    (row,) = _numbered(given, lesions())
    assert (row["id"], row["probability"]) == (1, 0.9)


def test_a_pair_without_lesions_has_no_explanation() -> None:
    assert _numbered([], lesions()) == []
    assert _numbered([explanation("new", (1, 1, 1))], separate(np.zeros((3, 3, 3), np.uint8))) == []
