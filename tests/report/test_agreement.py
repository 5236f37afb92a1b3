from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from newlesions.report.agreement import agreement_of
from newlesions.report.pair_images import read_pair_images
from report.synthetic import AFFINE, FOLLOWUP_FROM_HALFWAY, MISSED, Tags, ball, page_of, write_pair, write_scores


def result(**more: Any) -> dict[str, Any]:
    measures = {"Dice": 0.5, "SensL": 0.5, "PPVL": 1.0, "F1_score": 2 / 3}
    lesions = [lesion("reference", 1, 1), lesion("reference", 2, 0), lesion("predicted", 1, 1)]
    return {"pair": "p", "measures": measures, "additions": {}, "lesions": lesions, "gone": None, "raters": [], **more}


def lesion(side: str, number: int, hit: int) -> dict[str, Any]:
    place = {
        "x_mm": 1.0,
        "y_mm": 2.0,
        "z_mm": 3.0,
        "volume_mm3": 20.0,
        "size_class": "10-30",
        "region": "",
        "overlap": 0,
    }
    return {"side": side, "id": number, "hit": hit, **place}


def values(rows: Any) -> dict[str, str]:
    return {row.name: row.value for row in rows}


def test_the_headline_counts_lesions() -> None:
    found = agreement_of(result(), [])
    assert found.headline == "1 of 2 lesions of the reference were found; nothing was called new that it lacks."
    assert [item.number for item in found.missed] == [2] and found.false == []
    assert values(found.measures)["F1 of the lesions"] == "0.667"
    many = agreement_of(result(lesions=[lesion("reference", 1, 0), *(lesion("predicted", n, 0) for n in (1, 2))]), [])
    assert many.headline == "0 of 1 lesions of the reference were found; 2 lesions called new are not in it."


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "and none was found"), (1, "1 lesion called new here is false"), (2, "2 lesions called new here are false")],
)
def test_an_empty_reference_has_two_measures_only(count: int, expected: str) -> None:
    lesions = [lesion("predicted", number + 1, 0) for number in range(count)]
    measures = {"NbTestedLesions": float(count), "VolTestedLesions": 20.0 * count}
    found = agreement_of(result(measures=measures, lesions=lesions), [])
    assert found.empty and expected in found.headline
    assert list(values(found.measures).values()) == [str(count), f"{20 * count:.1f}\N{NO-BREAK SPACE}mm³"]


def test_specks_are_no_lesions() -> None:
    measures = {"Dice": 0.0, "SensL": "nan", "PPVL": 0.0, "F1_score": 0.0}
    found = agreement_of(result(measures=measures, lesions=[]), [])
    assert "no lesion above 3" in found.headline
    assert values(found.measures)["Lesions found (SensL)"] == "undefined"


def test_raters_among_themselves_are_averaged() -> None:
    rows = [
        {"reference": "consensus", "prediction": "prediction", "Dice": 0.5, "F1_score": 0.5},
        {"reference": "ann", "prediction": "prediction", "Dice": 0.4, "F1_score": "nan"},
        {"reference": "ann", "prediction": "bob", "Dice": 0.6, "F1_score": "nan"},
        {"reference": "bob", "prediction": "ann", "Dice": 0.8, "F1_score": 1.0},
    ]
    found = agreement_of(result(raters=rows), [])
    assert [(item.reference, item.prediction) for item in found.ratings] == [
        ("consensus", "prediction"),
        ("ann", "prediction"),
    ]
    assert found.between_raters is not None
    assert (found.between_raters.dice, found.between_raters.f1, found.between_raters.ppv) == (0.7, 1.0, None)


def test_gone_lesions_stand_apart() -> None:
    assert values(agreement_of(result(gone={"Dice": 0.25, "F1_score": "nan"}), []).gone) == {
        "F1 of the lesions": "undefined",
        "Dice": "0.250",
    }
    assert values(agreement_of(result(gone={"NbTestedLesions": 2.0}), []).gone) == {"False lesions": "2"}


def test_the_page_tells_and_shows_what_was_missed(tmp_path) -> None:
    page = page_of(tmp_path, scores={})
    tags = Tags(page)
    assert "0 of 1 lesions of the reference were found; 1 lesion called new is not in it" in tags.text
    assert "Missed: 1 lesion" in tags.text and "False: 1 lesion" in tags.text
    assert re.search(r"Lesion of the mask On this page .* 1 N1 219.4 100-300 deep white", tags.text)
    assert sum("missed reference lesion 1" in image["alt"] for image in tags.named("img")) == 4
    assert "59 mm³ more" in tags.text
    assert page.count('class="k-reference"') > 3
    targets = {a["href"][1:] for a in tags.named("a") if a.get("href", "").startswith("#")}
    assert targets <= {attributes["id"] for _, attributes in tags.tags if "id" in attributes}
    assert all("scope" in a for a in tags.named("th"))


def test_the_reference_is_drawn_where_it_lies(tmp_path) -> None:
    arguments = write_pair(tmp_path)
    names = ("baseline", "followup", "change", "probability", "brain")
    reference = write_scores(tmp_path)["reference"], FOLLOWUP_FROM_HALFWAY
    images = read_pair_images(*(arguments[name] for name in names), reference)
    assert images.reference is not None
    start = np.rint((images.affine[:3, 3] - AFFINE[:3, 3]) / 1.5).astype(int)
    box = tuple(slice(a, a + n) for a, n in zip(start, images.reference.shape, strict=True))
    np.testing.assert_array_equal(images.reference, ball(MISSED, 2.2)[box])


def test_a_pair_without_a_reference_says_nothing_of_scores(tmp_path) -> None:
    page = page_of(tmp_path)
    assert "greement" not in Tags(page).text and "k-reference" not in page


def test_a_bad_reference_is_named_and_not_drawn(tmp_path) -> None:
    page = page_of(tmp_path, scores={"failed": "/home/ann/r.nii.gz: found a <b>folder</b>; expected a mask"})
    text = Tags(page).text
    assert "The reference could not be used" in text and "r.nii.gz: found a <b>folder</b>; expected a mask" in text
    assert "/home/" not in page and 'class="k-reference"' not in page
