"""The viewer and the lesion list of a pair's page, in a real browser that draws."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from newlesions.cli import main
from newlesions.report.tables import read_rows
from newlesions.steps.report import report
from report.synthetic import labels, page_of, write_pair, write_results

pytestmark = pytest.mark.browser

EVIL = "<img src=x onerror=\"document.title='owned'\">'&"
# Sets back what a test left changed, so that a test that fails does not spoil the next.
_AS_AT_FIRST = """() => {
  document.getElementById("viewer-beside").click();
  for (const input of document.querySelectorAll("#viewer input")) {
    if (input.value === input.defaultValue && input.checked === input.defaultChecked) continue;
    [input.value, input.checked] = [input.defaultValue, input.defaultChecked];
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }
}"""
Picture = NDArray[np.int16]


@pytest.fixture(scope="module")
def viewed(open_pages, tmp_path_factory):
    """One page for the tests that leave it as they found it: starting the viewer is what takes long."""
    opened = open_pages(write_results(tmp_path_factory.mktemp("viewed") / "out"))
    ready(opened.page)
    return opened


@pytest.fixture
def page(viewed) -> Iterator:
    yield viewed.page
    viewed.page.evaluate(_AS_AT_FIRST)
    viewed.check()


def ready(page, state: str = "ready") -> None:
    page.locator(f"html[data-viewer={state}]").wait_for(state="attached")


def settled(page) -> None:
    """Let what was asked for be drawn: two frames."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def picture(page, visit: str = "followup") -> Picture:
    """What a view shows now, (rows, columns, 3)."""
    settled(page)
    png = page.locator(f".view[data-visit={visit}] canvas").screenshot()
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(np.int16)


def coloured(shown: Picture) -> int:
    """How many pixels are not grey: the overlay."""
    return int((np.ptp(shown, axis=-1) > 40).sum())


def changed(one: Picture, two: Picture) -> int:
    return int((np.abs(one - two).max(axis=-1) > 25).sum())


def point(page) -> list[float]:
    settled(page)
    return [float(value) for value in page.locator(".views").get_attribute("data-point").split()]


def slide(page, name: str, value: object) -> None:
    page.locator(f"#viewer-{name}").fill(str(value))


def row(page, number: int):
    return page.locator(f"#lesion-list tr[data-id='{number}']")


def test_both_visits_are_drawn_in_three_planes(page):
    for visit in ("baseline", "followup"):
        shown = picture(page, visit)
        middle = shown.shape[0] * 6 // 10
        for part in (shown[:middle], shown[middle:, : shown.shape[1] // 2], shown[middle:, shown.shape[1] // 2 :]):
            assert (part.max(axis=-1) > 12).mean() > 0.2
    assert changed(picture(page, "baseline"), picture(page, "followup")) > 50


def test_a_click_on_a_row_moves_the_cross_hair_of_both_views(page):
    row(page, 1).click()
    at_first, before = point(page), [picture(page, visit) for visit in ("baseline", "followup")]
    row(page, 2).click()
    assert at_first == [9.0, 9.0, 3.0] and point(page) == [-12.0, -9.0, -6.0]
    after = [picture(page, visit) for visit in ("baseline", "followup")]
    assert all(changed(one, two) > 500 for one, two in zip(before, after, strict=True))
    assert row(page, 2).get_attribute("aria-current") == "true"
    assert row(page, 1).get_attribute("aria-current") is None
    assert "gone" in page.locator("#viewer-place").text_content()


def test_both_sides_of_every_section_are_marked(page):
    page.locator("#viewer-show-new").uncheck()
    for plane in ("axial", "coronal", "sagittal"):
        page.locator("#viewer-planes").select_option(plane)
        for visit in ("baseline", "followup"):
            shown = picture(page, visit).min(axis=-1)
            quarter, middle = shown.shape[1] // 4, shown.shape[0] // 2
            band = shown[middle - 14 : middle + 14]  # letters stand at half height, where nothing else is as bright
            assert all((side > 200).sum() > 8 for side in (band[:, :quarter], band[:, -quarter:])), plane
    page.locator("#viewer-planes").select_option("three")


def test_the_place_of_the_cross_hair_is_told_in_mni_space(page):
    row(page, 2).click()
    minus = "\N{MINUS SIGN}"
    assert f"MNI x, y, z {minus}12, {minus}9, {minus}6 mm" in page.locator("#viewer-place").text_content()


def test_keys_go_through_the_lesions_and_round_again(page):
    row(page, 1).click()
    page.keyboard.press("n")
    assert point(page) == [-12.0, -9.0, -6.0]
    page.keyboard.press("n")
    assert point(page) == [9.0, 9.0, 3.0]
    page.keyboard.press("p")
    assert point(page) == [-12.0, -9.0, -6.0]
    page.locator("#shortcuts").uncheck()
    page.keyboard.press("n")
    assert point(page) == [-12.0, -9.0, -6.0]
    page.locator("#shortcuts").check()


def test_a_click_in_one_view_moves_the_other(page):
    row(page, 1).click()
    before = picture(page, "followup")
    page.locator(".view[data-visit=baseline] canvas").click(position={"x": 220, "y": 150})
    assert point(page) != [9.0, 9.0, 3.0]
    assert changed(before, picture(page, "followup")) > 200


def test_arrows_move_the_cross_hair_of_a_focused_view(page):
    row(page, 1).click()
    page.locator(".view[data-visit=followup] canvas").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("PageUp")
    assert point(page) == [10.5, 9.0, 4.5]  # the patient's right is on the left


def test_exchanging_shows_the_visits_in_turn_at_one_place(page):
    row(page, 1).click()
    shown = []
    for _ in range(3):
        page.keyboard.press("x")
        settled(page)
        png = page.locator(".views").screenshot()
        shown.append(np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(np.int16)[30:])
    assert changed(shown[0], shown[1]) > 500 and changed(shown[0], shown[2]) == 0
    page.keyboard.press("s")
    assert page.locator(".views.flicker").count() == 0


def test_flicker_exchanges_by_itself_until_it_is_stopped(page):
    button = page.locator("#viewer-flicker")
    slide(page, "rate", 5)

    def key() -> None:
        page.keyboard.press("f")

    for start, stop in ((key, button.click), (button.click, key)):
        start()
        assert button.get_attribute("aria-pressed") == "true"
        for _ in range(2):
            page.locator(".views.flicker.show-baseline").wait_for()
            page.locator(".views.flicker:not(.show-baseline)").wait_for()
        stop()
        assert button.get_attribute("aria-pressed") == "false"
        assert page.locator(".views.flicker").count() == 0


def test_sliders_change_the_overlay(page):
    row(page, 1).click()
    some = coloured(picture(page))
    assert some > 100
    slide(page, "opacity", 0)
    assert coloured(picture(page)) == 0
    slide(page, "opacity", 90)
    assert coloured(picture(page)) >= some
    slide(page, "threshold", 89)
    assert coloured(picture(page)) > 100
    slide(page, "threshold", 91)  # the new lesion's probability is 0.9
    assert page.locator("#viewer-threshold-value").text_content() == "0.91"
    assert coloured(picture(page)) == 0
    slide(page, "threshold", 0)
    page.locator("#viewer-show-new").uncheck()
    assert coloured(picture(page)) == 0
    page.locator("#viewer-show-new").check()
    page.keyboard.press("o")
    assert coloured(picture(page)) == 0
    page.keyboard.press("o")
    slide(page, "opacity", 45)
    assert coloured(picture(page)) == some


def test_window_planes_and_zoom_change_the_picture(page):
    row(page, 1).click()
    before = picture(page)
    slide(page, "width", 10)
    assert changed(before, picture(page)) > 1000
    page.locator("#viewer-reset").click()
    assert changed(before, picture(page)) == 0
    page.locator("#viewer-planes").select_option("sagittal")
    assert changed(before, picture(page)) > 1000
    page.locator("#viewer-planes").select_option("three")
    slide(page, "zoom", 3)
    assert coloured(picture(page)) > coloured(before)
    slide(page, "zoom", 1)
    assert changed(before, picture(page)) == 0


def test_the_list_sorts_either_way(page):
    def order() -> list[str]:
        return [each.get_attribute("data-id") for each in page.locator("#lesion-list tbody tr").all()]

    kind = page.locator("#lesion-list thead button", has_text="Kind")
    kind.click()
    assert order() == ["2", "1"]
    assert page.locator("#lesion-list th[aria-sort=ascending]").text_content() == "Kind"
    kind.click()
    assert order() == ["1", "2"]


def test_marks_survive_a_reload_reach_the_table_and_correct_the_masks(open_page, tmp_path):
    out = tmp_path / "out"
    page = open_page(write_results(out), webgl=False).page
    row(page, 1).locator("[data-mark=reject]").click()
    row(page, 1).locator("input").fill(f"  {EVIL} \t an artery ")
    row(page, 2).locator(".goto").click()
    page.keyboard.press("u")
    page.reload()
    assert row(page, 1).locator("[data-mark=reject]").get_attribute("aria-pressed") == "true"
    assert row(page, 1).locator("input").input_value().strip().endswith("an artery")
    assert row(page, 2).locator("[data-mark=unsure]").get_attribute("aria-pressed") == "true"
    said = page.locator("#lesion-1 .reviewed")
    assert EVIL in said.text_content() and said.locator("img").count() == 0
    assert page.title() != "owned"
    with page.expect_download() as caught:
        page.locator("#export").click()
    assert caught.value.suggested_filename == "sub-01_ses-M12_review.tsv"
    table = tmp_path / "review.tsv"
    caught.value.save_as(table)
    rows = read_rows(table)
    assert [(each["id"], each["review"], each["comment"]) for each in rows] == [
        ("1", "reject", f"{EVIL} an artery"),
        ("2", "unsure", ""),
    ]
    assert main(["review", "apply", str(out), str(table)]) == 0
    reviewed = read_rows(out / "sub-01/ses-M12/anat/sub-01_ses-M12_desc-lesionsreviewed_table.tsv")
    assert [each["review"] for each in reviewed] == ["reject", "unsure"]
    assert reviewed[0]["comment"] == f"{EVIL} an artery"
    row(page, 2).locator("[data-mark=unsure]").click()
    assert row(page, 2).locator("[data-mark=unsure]").get_attribute("aria-pressed") == "false"


def test_marks_belong_to_the_results_that_they_were_made_of(open_page, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(page_of(tmp_path / "one"), encoding="utf-8")
    page = open_page(path, webgl=False).page
    row(page, 1).locator("[data-mark=accept]").click()
    arguments = write_pair(tmp_path / "other")
    table = arguments["lesions"]
    table.write_text(table.read_text().replace("0.9", "0.8"))
    report(labels(), **arguments, out_html=path, settings={})
    page.reload()
    assert page.locator("#lesion-list [aria-pressed=true]").count() == 0


def test_without_webgl_a_sentence_the_list_and_the_pictures_remain(open_page, tmp_path):
    page = open_page(page_of(tmp_path), webgl=False).page
    ready(page, "none")
    message = page.locator("#viewer-message")
    assert message.is_visible() and "cannot draw volumes" in message.text_content()
    assert not page.locator(".views").is_visible() and not page.locator("#viewer-flicker").is_visible()
    row(page, 1).locator("[data-mark=accept]").click()
    assert "Review: accepted" in page.locator("#lesion-1").text_content()
    assert page.locator("#lesion-1 img").first.is_visible()


def test_without_scripts_a_sentence_and_the_pictures_remain(open_page, tmp_path):
    page = open_page(page_of(tmp_path), java_script_enabled=False).page
    assert "needs scripts" in page.locator("#viewer-message").text_content()
    assert not page.locator(".views").is_visible() and not page.locator("#lesion-list").is_visible()
    assert page.locator("#lesion-2 img").count() == 8


def test_print_has_the_pictures_and_what_was_said_of_them(open_page, tmp_path):
    page = open_page(page_of(tmp_path), webgl=False).page
    row(page, 2).locator("input").fill("seen before")
    page.emulate_media(media="print")
    assert not page.locator("#lesion-list").is_visible() and not page.locator(".views").is_visible()
    assert "seen before" in page.locator("#lesion-2 .reviewed").text_content()
    assert page.locator("#lesion-2 .reviewed").is_visible() and page.locator("#lesion-2 img").first.is_visible()


def test_labels_that_attack_show_as_text(open_page, tmp_path):
    arguments = write_pair(tmp_path)
    path = tmp_path / "page.html"
    report(
        labels(EVIL, EVIL, "</script><script>document.title='owned'</script>"), **arguments, out_html=path, settings={}
    )
    page = open_page(path, webgl=False).page
    assert page.title() != "owned"
    assert EVIL in page.locator("h1").text_content()
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("figure[data-visit=baseline] figcaption").text_content().endswith(f"ses-{EVIL}")


def test_nothing_is_wider_than_a_narrow_window(open_page, tmp_path):
    page = open_page(page_of(tmp_path), width=320).page  # 1280 at 400 %
    ready(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.locator(".view[data-visit=followup] canvas").bounding_box()["width"] > 200


def test_every_control_has_a_name(open_page, tmp_path):
    page = open_page(page_of(tmp_path), webgl=False).page
    tree = page.locator("#viewer").aria_snapshot()
    controls = re.findall(r"- (button|slider|checkbox|textbox|combobox)(.*)", tree)
    assert len(controls) > 10
    assert all('"' in rest or ("[" not in rest and rest.strip()) for _, rest in controls), tree


def test_a_pair_without_change_has_a_viewer_without_list(open_page, tmp_path):
    page = open_page(page_of(tmp_path, lesions=False)).page
    ready(page)
    assert (picture(page).max(axis=-1) > 12).mean() > 0.2
    page.keyboard.press("n")
    assert page.locator("#lesion-list").count() == 0
