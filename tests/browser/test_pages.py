"""The pages in a real browser: every picture decodes, the buttons work, the console stays silent."""

from __future__ import annotations

import pytest

from newlesions.report.cohort_page import CohortPage, cohort_html
from newlesions.report.cohort_scores import CohortScores
from report.synthetic import page_of

pytestmark = pytest.mark.browser

_PICTURES = """async () => {
  const images = Array.from(document.images);
  await Promise.all(images.map((image) => image.decode()));
  return images.filter((image) => image.naturalWidth > 0).length;
}"""


def test_the_page_of_a_pair_works(open_page, tmp_path):
    page = page_of(tmp_path)
    script = """() => {
      var first = document.querySelector("article"), blink = first.querySelector("[data-blink]");
      var shown = first.querySelector('[data-role="followup"] img'), before = shown.src;
      blink.click();
      var during = shown.src;
      blink.click();
      document.getElementById("lines").click();
      var hidden = getComputedStyle(document.querySelector(".lines")).visibility;
      first.querySelector(".pic").click();
      return { blinks: during !== before && shown.src === before, hidden: hidden,
               open: document.querySelector("dialog").open, copied: document.querySelectorAll("dialog img").length };
    }"""
    opened = open_page(page).page
    assert opened.evaluate(_PICTURES) == page.count("<img ")
    found = opened.evaluate(script)
    assert found["blinks"] and found["hidden"] == "hidden"
    assert found["open"] and found["copied"] == 1


def test_pages_with_scores_work(open_page, tmp_path):
    for page in (page_of(tmp_path, scores={}), _scored()):
        assert open_page(page).page.evaluate(_PICTURES) == page.count("<img ") > 0


def test_a_narrow_window_does_not_scroll_sideways(open_page, tmp_path):
    script = "() => document.documentElement.scrollWidth - window.innerWidth"
    pages = (page_of(tmp_path), cohort_html(CohortPage(_rows())), page_of(tmp_path, scores={}), _scored())
    for page in pages:
        assert open_page(page, width=500).page.evaluate(script) <= 0


def _scored() -> str:
    figure = b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><path d="M0 0h9"/></svg>'
    rates = {"sensitivity": "0.5", "ppv": "nan"}
    sizes = [{"size_class": "3-10", "reference": "2", "found": "1", "predicted": "0", "true": "0", **rates}]
    scores = [{"pair": row["pair"], "Dice": "0.5", "F1_score": "nan", "NbTestedLesions": ""} for row in _rows()]
    figures = {"froc": figure, "precision_recall": figure}
    return cohort_html(CohortPage(_rows(), scores=CohortScores(scores, by_size=sizes, figures=figures)))


def _rows() -> list[dict[str, str]]:
    counts = {"01": "2", "02": "0", "03": "11"}
    done = {"baseline_session": "1", "followup_session": "2", "status": "done"}
    return [
        {"pair": f"sub-{name}_ses-2", "subject": name, "new_count": count, "new_volume_mm3": f"{count}0", **done}
        for name, count in counts.items()
    ]
