from __future__ import annotations

import base64
from pathlib import Path

from newlesions.report.cohort_page import CohortPage, cohort_html
from newlesions.report.cohort_scores import CohortScores, read_cohort_scores, scores_context
from report.synthetic import Tags
from report.test_cohort_page import row

FIGURE = b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h9"/></svg>'
COLUMNS = ("Dice", "F1_score", "NbTestedLesions", "VolTestedLesions")
VALUES = {
    1: ("0.5", "1.000000", "", ""),
    2: ("0.25", "nan", "", ""),
    3: ("", "", "2.0", "40.5"),
    4: ("", "", "0.0", "0.0"),
}
SCORES = [{"pair": f"sub-0{n}_ses-M12", **dict(zip(COLUMNS, VALUES[n], strict=True))} for n in VALUES]


def text_of(scores: CohortScores | None, *rows: dict[str, str]) -> str:
    return Tags(cohort_html(CohortPage(rows or [row(n) for n in (1, 2, 3, 4)], scores=scores))).text


def test_pairs_with_lesions_and_with_an_empty_reference_stand_apart() -> None:
    text = text_of(CohortScores(SCORES))
    assert "Over the 2 pairs with new lesions in the reference" in text
    assert "Dice 2 0.375 0.177 0.375" in text
    assert "F1 of the lesions 1 1.000 – 1.000" in text, "a pair whose F1 is undefined has no part in its mean"
    assert "Over the 2 pairs with an empty reference. In 1 of them nothing was called new." in text
    assert "False lesions 2 1.00 1.41 1.00" in text


def test_each_pair_has_its_dice_and_f1() -> None:
    text = text_of(CohortScores(SCORES))
    assert "0 0 0.500 1.000 fine" in text and "0 0 0.250 – fine" in text and "0 0 – – fine" in text


def test_additions_sizes_and_regions_are_shown() -> None:
    rates = {"sensitivity": "0.5", "ppv": "nan"}
    counts = {"reference": "2", "found": "1", "predicted": "0", "true": "0"}
    scores = CohortScores(
        SCORES,
        additions=[{"pair": "sub-01_ses-M12", "assd_mm": "1.25"}],
        by_size=[{"size_class": "3-10", **counts, **rates}],
        by_region=[{"region": "deep white", **counts, **rates}],
    )
    text = text_of(scores)
    assert "(ASSD), mm 1 1.25 – 1.25" in text
    assert "3-10 2 1 0.500 0 0 –" in text and "deep white 2 1 0.500 0 0 –" in text


def test_figures_are_inside_the_page() -> None:
    page = cohort_html(CohortPage([row(1)], scores=CohortScores(SCORES, figures={"froc": FIGURE})))
    (image,) = Tags(page).named("img")
    assert base64.b64decode(image["src"].removeprefix("data:image/svg+xml;base64,")) == FIGURE
    assert image["alt"] and "://" not in page
    only_empty = CohortScores(SCORES[2:], figures={"froc": FIGURE})
    assert "<img" not in cohort_html(CohortPage([row(3)], scores=only_empty)), "there is no curve without lesions"


def test_pairs_that_could_not_be_scored_are_named() -> None:
    bad = row(1, reason="evaluate: /home/ann/r.nii.gz: found no such file; expected a mask")
    page = cohort_html(CohortPage([bad, row(2)]))
    text = Tags(page).text
    assert "1 pair could not be scored" in text and "evaluate: r.nii.gz: found no such file" in text
    assert "/home/" not in page
    assert "2 pairs of scans, 2 subjects" in text, "the pair itself is done"


def test_without_scores_the_page_has_no_word_of_them() -> None:
    assert "Dice" not in text_of(None) and "greement" not in text_of(None)


def test_tables_are_read_from_a_results_folder(tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.tsv" for name in ("table", "additions", "by_size", "by_region")}
    files |= {name: tmp_path / f"{name}.svg" for name in ("froc", "precision_recall")}
    assert read_cohort_scores(files) is None
    files["table"].write_text("pair\tDice\n")
    assert read_cohort_scores(files) is None, "no pair was scored"
    files["table"].write_text("pair\tDice\np\t0.5\n")
    files["froc"].write_bytes(FIGURE)
    scores = read_cohort_scores(files)
    assert scores is not None and scores.scores == [{"pair": "p", "Dice": "0.5"}]
    assert scores_context(scores)["measures"][0].mean == "0.500"
    assert dict(scores.figures) == {"froc": FIGURE}
