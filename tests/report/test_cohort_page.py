from __future__ import annotations

import base64
import csv
import hashlib
import json
import re

import pytest

from newlesions.report.cohort_page import CohortPage, cohort_html
from newlesions.steps.report import cohort_report
from report.cohort import quality, row
from report.synthetic import Tags


@pytest.fixture
def rows() -> list[dict[str, str]]:
    return [
        row(1, new_count="3", new_volume_mm3="120.5"),
        row(2),
        row(3, status="failed", reason="/home/ann/sub-03_FLAIR.nii.gz: found 4D; expected 3D"),
        row(4, registration_correlation="0.5"),
    ]


def test_summary_numbers(rows):
    text = Tags(cohort_html(CohortPage(rows))).text
    assert "3 pairs of scans finished of 4" in text
    assert "3 new lesions (120 mm³)" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert "1 of 3 pairs with a new lesion (33 %)" in text
    assert "1.00 new lesions per patient-year" in text


def test_counts_and_volumes_are_spread(rows):
    text = Tags(cohort_html(CohortPage(rows))).text
    # Each bar: how many pairs, and of which number.
    assert "New lesions per pair 2 0 0 1 0 2 1 3–5 0 6–10 0 > 10" in text
    assert "New volume per pair, mm³ 2 0 0 ≤ 50 0 ≤ 100 1 ≤ 300 0 ≤ 1,000 0 > 1,000" in text


def test_only_the_scripts_of_the_page_may_run(rows):
    page = cohort_html(CohortPage(rows, quality=quality(rows)))
    policy = next(a["content"] for a in Tags(page).named("meta") if "http-equiv" in a)
    allowed = re.search(r"script-src ([^;]*)", policy)[1].split()
    run = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in run]
    assert len(run) == 4 and allowed == [f"'sha256-{digest}'" for digest in digests]


def test_failures_come_first_with_their_reason(rows):
    text = Tags(cohort_html(CohortPage(rows))).text
    assert "1 pair could not be finished" in text
    assert text.index("sub-03_FLAIR.nii.gz: found 4D") < text.index("new lesions per patient-year")
    assert "/home/" not in text


def test_pairs_link_to_their_pages_and_failed_ones_do_not(rows):
    links = [a["href"] for a in Tags(cohort_html(CohortPage(rows))).named("a")]
    assert "sub-01/sub-01_ses-M12.html" in links
    assert not any("sub-03" in link for link in links)


def test_links_of_unusual_labels_are_quoted():
    page = cohort_html(CohortPage([row(1, subject="a+b", pair="sub-a+b_ses-1")]))
    assert "sub-a%2Bb/sub-a%2Bb_ses-1.html" in {a["href"] for a in Tags(page).named("a")}


def test_doubtful_pairs_are_to_look_at(rows):
    text = Tags(cohort_html(CohortPage(rows))).text
    assert "1 to look at" in text
    assert "✕ bad sub-04_ses-M12 : Similarity of the aligned scans 0.500" in text


def test_the_group_table_judges_more_than_the_table_of_counts(rows):
    text = Tags(cohort_html(CohortPage(rows, quality=quality(rows, noise_percent=9.5)))).text
    assert "3 to look at" in text and "Noise of the difference 9.5 %" in text
    assert "Noise of the difference" not in Tags(cohort_html(CohortPage(rows))).text


def test_numbers_are_spread_with_the_limits_of_their_rules(rows):
    tags = Tags(cohort_html(CohortPage(rows, quality=quality(rows))))
    plots = [a["aria-label"] for a in tags.named("svg") if "aria-label" in a]
    assert any(text == "Similarity of the aligned scans: from 0.500 to 0.950, median 0.950; 1 bad" for text in plots)


def test_visits_of_a_subject_stand_on_a_line(rows):
    more = [*rows, row(1, pair="sub-01_ses-M24", baseline_session="M12", followup_session="M24", new_count="2")]
    tags = Tags(cohort_html(CohortPage(more)))
    assert "1 subject, those with most new lesions first" in tags.text and "5 new" in tags.text
    texts = [a.get("aria-label", "") for a in tags.named("a", "span")]
    assert "ses-M00, day 0" in texts and "ses-M24, day 730: 2 new since ses-M12, 0 mm³" in texts
    assert "three visits" not in Tags(cohort_html(CohortPage(rows))).text


def test_the_values_of_the_table_travel_as_data(rows):
    page = cohort_html(CohortPage(rows, quality=quality(rows)))
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])
    at = {column["key"]: values for column, values in zip(data["columns"], data["values"], strict=True)}
    assert at["pair"] == ["sub-01_ses-M12", "sub-02_ses-M12", "sub-04_ses-M12"]
    assert at["new"] == [3, 0, 0] and at["moved"] == [5.0] * 3 and at["quality"] == ["fine", "fine", "bad"]
    assert data["rules"] == [{"name": "Similarity of the aligned scans", "count": "1"}]
    assert "snr" not in at and "dice" not in at  # nobody has one


def test_no_rate_where_times_overlap():
    first, second = row(1), row(1, pair="sub-01_ses-M24", followup_session="M24", days="730")
    assert "per patient-year" not in Tags(cohort_html(CohortPage([first, second]))).text
    apart = second | {"baseline_session": "M12"}
    assert "per patient-year" in Tags(cohort_html(CohortPage([first, apart]))).text


def test_skipped_filters_and_notes_are_told(rows, tmp_path):
    index = {
        "filters": [{"name": "session-label", "value": "M00", "kept": 3, "dropped": ["ses-M48"], "unit": "scans"}],
        "skipped": [{"subject": "09", "reason": "a single session"}],
        "notes": ["sorted by dates"],
    }
    (tmp_path / "pairs.json").write_text(json.dumps(index))
    with open(tmp_path / "newlesions.tsv", "w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)
    cohort_report(
        tmp_path / "newlesions.tsv", tmp_path / "pairs.json", tmp_path / "index.html", {"recipe": "subtraction"}
    )
    text = Tags((tmp_path / "index.html").read_text()).text
    assert "sub-09: a single session" in text
    assert "Filter session-label = M00: kept 3 scans, dropped ses-M48." in text
    assert "sorted by dates" in text
    assert "recipe subtraction" in text
    cohort_report(tmp_path / "newlesions.tsv", tmp_path / "absent.json", tmp_path / "two.html", {})
    assert "Skipped" not in (tmp_path / "two.html").read_text()


def test_nothing_done_and_nothing_at_all_are_told():
    assert "No pair was finished" in Tags(cohort_html(CohortPage([row(1, status="failed", reason="broken")]))).text
    assert "No pair was finished" in Tags(cohort_html(CohortPage([]))).text


def test_hostile_words_stay_words():
    evil = "<img src=x onerror=alert(1)>"
    page = cohort_html(
        CohortPage(
            [row(1, pair=evil, warnings=evil), row(2, pair=evil, status="failed", reason=evil)],
            {"skipped": [{"subject": evil, "reason": evil}], "notes": [evil]},
            {evil: evil},
        )
    )
    assert not list(Tags(page).named("img"))


def test_many_pairs_stay_a_reasonable_file():
    rows = [row(number, new_count=str(number % 4), new_volume_mm3=str(number % 4 * 50)) for number in range(20000)]
    page = cohort_html(CohortPage(rows))
    assert page.count("<tr>") > 20000
    assert len(page) < 8_000_000
    assert "://" not in page
    assert all("scope" in a for a in Tags(cohort_html(CohortPage(rows[:30]))).named("th"))


def test_equal_rows_give_equal_text(rows):
    assert cohort_html(CohortPage(rows)) == cohort_html(CohortPage([dict(item) for item in rows]))
