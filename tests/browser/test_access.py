"""The pages by keyboard alone, for weak eyes and for the colour-blind."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from browser.seen import contrasts, stops
from newlesions.report.cohort_page import CohortPage, cohort_html
from report.cohort import quality, row
from report.synthetic import page_of

STYLE = Path(__file__).parents[2] / "src" / "newlesions" / "report" / "templates" / "_style.html.jinja"
KINDS = ("new", "enlarging", "gone", "shrinking")
# Full dichromacy, on linear RGB. Machado, Oliveira, Fernandes 2009, IEEE TVCG 15(6):1291-1298, table 1.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


# Without it, the page glides to what has the focus, and a test would look too early.
STILL = {"reduced_motion": "reduce"}


def cohort() -> str:
    more = row(1, pair="sub-01_ses-M24", baseline_session="M12", followup_session="M24", new_count="2")
    made = [
        row(1, new_count="1"),
        row(2),
        row(3, inverse_consistency_mm="1.8"),
        more,
        row(9, status="failed", reason="cut"),
    ]
    return cohort_html(CohortPage(made, quality=quality(made)))


def walked(page) -> None:
    met = stops(page)
    assert [found["html"] for found in met if found["outline"] < 2] == []
    assert [found["html"] for found in met if not found["name"]] == []
    assert [found["html"] for found in met if not found["seen"]] == []


@pytest.mark.browser
def test_the_keyboard_reaches_every_control_of_a_pair_and_shows_where_it_is(open_page, tmp_path):
    page = open_page(page_of(tmp_path), **STILL).page
    page.locator("html[data-viewer=ready]").wait_for(state="attached")
    walked(page)


@pytest.mark.browser
def test_the_keyboard_reaches_every_control_of_a_cohort_and_shows_where_it_is(open_page):
    walked(open_page(cohort(), webgl=False, **STILL).page)


@pytest.mark.browser
def test_a_control_that_is_out_of_reach_or_without_focus_ring_is_noticed(open_page):
    page = open_page('<html><a href="#a">a</a><button tabindex="-1">b</button></html>', webgl=False).page
    with pytest.raises(AssertionError, match=">b</button>"):
        stops(page)
    page = open_page('<html><button style="outline: none">a</button></html>', webgl=False).page
    assert stops(page)[0]["outline"] == 0


@pytest.mark.browser
def test_a_lesion_is_reviewed_and_a_picture_enlarged_by_keyboard_alone(open_page, tmp_path):
    page = open_page(page_of(tmp_path), webgl=False).page
    page.keyboard.press("n")
    page.keyboard.press("n")
    page.keyboard.press("r")
    page.keyboard.press("c")
    page.keyboard.type("an artery")
    assert page.locator("#lesion-2 .reviewed").text_content() == "Review: rejected – an artery"
    picture = page.locator("#lesion-1 .pic").first
    for key in ("Enter", " "):
        picture.focus()
        page.keyboard.press(key)
        assert "Baseline, axial section at lesion N1" in page.locator("dialog[open]").text_content()
        assert page.evaluate("document.activeElement.textContent") == "Close"
        page.keyboard.press("Escape")
        assert page.locator("dialog[open]").count() == 0
        assert picture.evaluate("node => node === document.activeElement")


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_of_a_pair_stands_out_in_the_light_and_in_the_dark(open_page, tmp_path, scheme):
    page = open_page(page_of(tmp_path, scores={}), webgl=False, color_scheme=scheme).page
    page.locator("#lesion-list [data-mark=reject]").first.click()
    for what in (
        "h1",
        "h2",
        "p",
        "td",
        "th",
        "dt",
        "dd",
        "label",
        "button",
        "a:not(.skip)",
        "figcaption",
        ".tag",
        ".v",
        "kbd",
    ):
        found = contrasts(page.locator(f"body :is({what})"))
        assert found and min(found) >= 4.5, what


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_the_colours_of_the_kinds_differ_for_every_eye(blindness):
    blocks = re.findall(r":root \{(.*?)\}", STYLE.read_text(encoding="utf-8"), re.DOTALL)
    light, dark, paper = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in blocks)
    on_pictures = {kind: light[f"on-{kind}"] for kind in KINDS}
    for colours in (light, dark, paper, on_pictures):
        seen = {kind: _as_seen(colours[kind], BLINDNESS[blindness]) for kind in KINDS}
        for one, two in combinations(KINDS, 2):
            assert deltaE_ciede2000(seen[one], seen[two]) > 10, (one, two)


def _as_seen(colour: str, blindness: np.ndarray) -> np.ndarray:
    """The CIELAB colour that an eye with ``blindness`` sees of ``#rrggbb``."""
    plain = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(plain <= 0.04045, plain / 12.92, ((plain + 0.055) / 1.055) ** 2.4)
    changed = np.clip(blindness @ linear, 0, 1)
    return rgb2lab(np.where(changed <= 0.0031308, 12.92 * changed, 1.055 * changed ** (1 / 2.4) - 0.055))
