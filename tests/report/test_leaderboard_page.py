from __future__ import annotations

import re

from newlesions.report.leaderboard_page import HardLesion, LeaderboardPage, leaderboard_html
from newlesions.report.picture import Figure

ABOUT = {
    "pairs": 7, "subjects": 5, "folds": 2, "seed": 3, "minutes": 10.0, "limits": ["patch 16"],
    "failed_pairs": {"sub-09_ses-M12": "ingest: a broken scan"}, "left_out": {"other": "no package <nnunetv2>"},
    "remarks": {},
}  # fmt: skip
TABLE = [
    ["recipe", "what it is", "Dice ↑", "no-change pairs left clean", "CPU min to train", "CPU s to apply"],
    ["mine", "a <b>bold</b> system", "0.500 [0.400, 0.600]", "1 of 2", "3.0", "1.0"],
    ["yours", "another", "0.400", "–", "–", "1.0"],
]
REPORTED = [["recipe", "measure", "value", "data", "page", "remark"], ["mine", "Dice", "0.9", "secret", "p. 3", ""]]


def page(**more: object) -> str:
    given: dict[str, object] = {
        "about": ABOUT, "compared": 7, "with_lesions": 5, "without": 2, "table": TABLE, "ranking": [["ranking"]],
        "tests": [["measure"]], "costs": [["recipe", "networks"], ["mine", "3"]], "reported": REPORTED,
    }  # fmt: skip
    return leaderboard_html(LeaderboardPage(**(given | more)))  # type: ignore[arg-type]


def test_what_is_measured_and_what_papers_reported_stand_apart() -> None:
    text = page()
    measured, _, reported = text.partition('id="reported"')
    assert "0.500" in measured and "secret" not in measured
    assert "Not measured here" in reported and "secret" in reported
    assert 'id="reported"' not in page(reported=REPORTED[:1])


def test_intervals_stand_below_their_means() -> None:
    assert re.search(r">0\.500<br><span[^>]*>\[0\.400, 0\.600\]</span>", page())
    assert '<td class="n">0.400</td>' in page()


def test_what_is_missing_is_told_and_all_text_is_escaped() -> None:
    text = page()
    assert "no package &lt;nnunetv2&gt;" in text and "a broken scan" in text
    assert "<b>bold</b>" not in text
    clean = page(about=ABOUT | {"failed_pairs": {}, "left_out": {}})
    assert "What is missing" not in clean


def test_the_budget_is_told() -> None:
    assert "10 min" in page() and "trials of the recipes" in page()
    paper = page(about=ABOUT | {"minutes": None, "limits": []})
    assert "trained as each recipe says" in paper and "trials of the recipes" not in paper


def test_pictures_and_figures_are_within_the_page_and_it_has_equal_bytes() -> None:
    picture = Figure("data:image/webp;base64,AAAA", 60, 60, "a section", "Baseline")
    hard = HardLesion("sub-01_ses-M12", 2, 31.5, (1.0, -2.0, 3.0), ["mine"], 2, [picture] * 4)
    given = {"hard": [hard], "lesions": 4, "figures": {"forest": "<svg/>", "lesions": "<svg/>"}}
    text = page(**given)
    assert text == page(**given)
    assert "found by 1 of 2: mine" in text and text.count("a section") == 4
    assert not re.search(r'(?:src|href)="(?!data:|#)', text)
    assert text.count("data:image/svg+xml;base64,") == 2


def test_hard_lesions_are_told_without_pictures_too() -> None:
    text = page(hard=[HardLesion("sub-01_ses-M12", 2, 31.5, (1.0, -2.0, 3.0), ["mine"], 2, [])], lesions=4)
    assert "found by 1 of 2: mine" in text and '<div class="row">' not in text and "Violet" not in text
