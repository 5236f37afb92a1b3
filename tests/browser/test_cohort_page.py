"""The cohort's page in a real browser: it finds, sorts, filters, shows, hides and exports, by mouse and by keyboard."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browser.seen import contrasts
from newlesions.report.cohort_page import CohortPage, cohort_html
from report.cohort import quality, row

if TYPE_CHECKING:
    from browser.conftest import OpenPage

pytestmark = pytest.mark.browser

EVIL = "<img src=x onerror=\"document.title='taken'\">"
FLAG = "Registration, there and back"


def rows() -> list[dict[str, str]]:
    """Sixty pairs with 0 to 11 new lesions; the second is remarked on, the third is worth a look, the fourth is bad."""
    made = [row(n, new_count=str(n % 12), new_volume_mm3=str(n % 12 * 10.5), days=str(300 + n)) for n in range(1, 61)]
    made[1]["warnings"] = f"follow-up: {EVIL}"
    made[2]["inverse_consistency_mm"] = "0.8"
    made[3]["inverse_consistency_mm"] = "1.8"
    return made


def page_of(made: list[dict[str, str]]) -> str:
    return cohort_html(CohortPage(made, quality=quality(made)))


@pytest.fixture
def page(open_page: OpenPage):
    return open_page(page_of(rows()), webgl=False).page


def column(page, key: str) -> list[str]:
    """The texts of a column, of the rows that are drawn, from top to bottom."""
    place = page.locator("#pairs thead th").evaluate_all("(all, key) => all.findIndex(h => h.dataset.key === key)", key)
    return page.locator(f"#pairs tbody tr:not(.space) > :nth-child({place + 1})").all_inner_texts()


def head(page, key: str):
    return page.locator(f"#pairs th[data-key={key}]")


def shown(page) -> str:
    return page.locator("#count").inner_text()


def exported(page) -> list[dict[str, str]]:
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    assert download.value.suggested_filename == "newlesions.csv"
    text = Path(download.value.path()).read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_only_the_rows_in_sight_are_in_the_document_and_the_last_one_can_be_reached(open_page):
    made = [row(number) for number in range(1, 2001)]
    page = open_page(page_of(made), webgl=False).page
    assert shown(page) == "2000 pairs"
    assert page.locator("#pairs tbody tr").count() < 100
    page.locator("#pairs-box").evaluate("box => { box.scrollTop = box.scrollHeight; }")
    last = page.get_by_role("link", name="sub-2000_ses-M12")
    last.wait_for()
    inside = "(link, box) => link.getBoundingClientRect().bottom <= box.getBoundingClientRect().bottom + 1"
    assert last.evaluate(inside, page.locator("#pairs-box").element_handle())
    assert page.locator("#pairs tbody tr:not(.space)").last.get_attribute("aria-rowindex") == "2001"
    assert page.locator("#pairs").get_attribute("aria-rowcount") == "2001"


def test_a_click_on_a_head_sorts_and_a_second_one_turns_round(page):
    head(page, "new").get_by_role("button").click()
    down = [int(text) for text in column(page, "new")]
    assert down[:5] == [11] * 5 and down == sorted(down, reverse=True)
    assert head(page, "new").get_attribute("aria-sort") == "descending"
    head(page, "new").get_by_role("button").click()
    assert column(page, "new")[:5] == ["0"] * 5
    head(page, "pair").get_by_role("button").click()
    assert column(page, "pair")[:2] == ["sub-01_ses-M12", "sub-02_ses-M12"]
    assert head(page, "new").get_attribute("aria-sort") is None
    head(page, "quality").get_by_role("button").click()
    assert column(page, "quality")[:3] == ["✕ bad", "! look", "! look"]


def test_what_is_absent_comes_last_either_way(open_page):
    made = rows()
    made[0]["days"] = ""
    made[0]["pair"] = "sub-01_ses-nodate"
    page = open_page(page_of(made[:9]), webgl=False).page
    for _ in range(2):
        head(page, "days").get_by_role("button").click()
        assert column(page, "pair")[-1] == "sub-01_ses-nodate" and column(page, "days")[-1] == "–"


def test_search_and_filters_narrow_the_table_together(page):
    page.get_by_label("Find").fill("SUB-03 m12")
    assert shown(page) == "1 of 60 pairs" and column(page, "pair") == ["sub-03_ses-M12"]
    page.get_by_label("Find").fill("")
    page.locator("#severity").select_option("flagged")
    assert column(page, "pair") == ["sub-02_ses-M12", "sub-03_ses-M12", "sub-04_ses-M12"]
    page.locator("#flag").select_option(label=f"{FLAG} (2)")
    assert column(page, "pair") == ["sub-03_ses-M12", "sub-04_ses-M12"]
    page.locator("#severity").select_option("bad")
    assert column(page, "pair") == ["sub-04_ses-M12"]
    page.locator("#severity").select_option("")
    page.locator("#flag").select_option("")
    page.get_by_label("only with new lesions").check()
    assert shown(page) == "55 of 60 pairs" and "0" not in column(page, "new")
    page.get_by_label("Find").fill("nobody")
    assert shown(page) == "0 of 60 pairs" and column(page, "pair") == []


def test_columns_can_be_chosen(page):
    assert head(page, "noise").count() == 0
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Noise of the difference, %").check()
    page.get_by_label("Gone lesions").uncheck()
    assert column(page, "noise")[:2] == ["3.0", "3.0"] and head(page, "gone").count() == 0
    assert page.get_by_label("Pair", exact=True).is_disabled()
    head(page, "noise").get_by_role("button").click()
    assert head(page, "noise").get_attribute("aria-sort") == "descending"


def test_the_export_holds_what_is_shown_in_its_order(page):
    page.locator("#severity").select_option("flagged")
    head(page, "new").get_by_role("button").click()
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Remarks of the input checks").check()
    page.get_by_label("Movement, mm").check()
    page.get_by_label("Days between").uncheck()
    found = exported(page)
    assert [line["Pair"] for line in found] == ["sub-04_ses-M12", "sub-03_ses-M12", "sub-02_ses-M12"]
    assert "Days between" not in found[0]
    assert (found[0]["New lesions"], found[0]["Movement, mm"], found[0]["Quality"]) == ("4", "5", "bad")
    assert found[1]["Flags"] == FLAG
    assert found[2]["Remarks of the input checks"] == f"follow-up: {EVIL}"


def test_an_export_runs_no_formula_in_a_spreadsheet(open_page):
    made = rows()[:2]
    made[0] |= {"warnings": '=1+1,"x"', "days": "-7"}
    page = open_page(page_of(made), webgl=False).page
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Remarks of the input checks").check()
    first = exported(page)[0]
    assert first["Remarks of the input checks"] == '\'=1+1,"x"'
    assert first["Days between"] == "-7"


def test_all_of_it_works_from_the_keyboard(page):
    page.get_by_label("Find").focus()
    page.keyboard.type("sub-0")
    assert shown(page) == "9 of 60 pairs"
    for _ in range(4):  # quality, flag, only with new lesions, export
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "export"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator("#columns").is_visible()
    head(page, "new").get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert column(page, "new")[0] == "9"
    assert page.evaluate("document.activeElement.textContent") == "New"
    page.get_by_label("Find").fill("")
    page.locator("#pairs-box").focus()
    page.keyboard.press("End")
    page.get_by_role("link", name="sub-12_ses-M12").wait_for()
    page.locator("#pairs a").first.focus()
    focused = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") not in ("", focused)


def test_hostile_labels_are_text_wherever_they_stand(open_page):
    made = rows()[:4]
    made[0] |= {"pair": EVIL, "subject": EVIL, "followup_session": EVIL}
    made[1] |= {"subject": EVIL, "baseline_session": EVIL, "followup_session": "M24"}
    made.append(row(9, status="failed", pair=EVIL, reason=f"</script>{EVIL}"))
    html = cohort_html(
        CohortPage(
            made, {"notes": [EVIL], "skipped": [{"subject": EVIL, "reason": EVIL}]}, {EVIL: EVIL}, quality=quality(made)
        )
    )
    page = open_page(html, webgl=False).page
    assert page.title() == "New lesions: 4 pairs"
    assert EVIL in column(page, "pair") and f"M00 → {EVIL}" in column(page, "sessions")
    assert page.locator("img").count() == 0
    assert page.locator("#failed").inner_text().count(EVIL) == 2
    assert f"sub-{EVIL}" in page.locator("#timelines").text_content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_the_light_and_in_the_dark(open_page, scheme):
    page = open_page(page_of(rows()), webgl=False, color_scheme=scheme).page
    for what in ("#pairs td", "#pairs a", "#pairs th button", ".tools label", "figcaption", ".axis span", "h2", "p"):
        values = contrasts(page.locator(what))
        assert values and min(values) >= 4.5, what
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(14, 17, 21)") == (scheme == "dark")


def test_without_scripts_the_table_is_complete(open_page):
    page = open_page(page_of(rows()), webgl=False, java_script_enabled=False).page
    assert page.locator("table a").count() == 60
    assert not page.locator("#pairs-box").is_visible()


def test_all_rows_are_printed(page):
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#pairs tbody tr:not(.space)").count() == 60
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("#pairs tbody tr:not(.space)").count() < 60


@pytest.mark.parametrize("width", [320, 500])
def test_a_narrow_or_enlarged_window_does_not_scroll_sideways(open_page, width):
    made = [*rows(), row(1, pair="sub-01_ses-M24", baseline_session="M12", followup_session="M24", new_count="3")]
    page = open_page(page_of(made), webgl=False, width=width).page
    assert page.locator("#timelines").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
