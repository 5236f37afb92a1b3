"""The pages in a real browser: every picture decodes, the buttons work, the console stays silent."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

from newlesions.report.cohort_page import CohortPage, cohort_html
from newlesions.report.cohort_scores import CohortScores
from report.synthetic import page_of

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="no chromium or google-chrome on this machine"),
]

# Errors are gathered from before the page's own script on; the probe then waits for all pictures and tells its findings
# in an attribute, since that is what a dumped page can carry out.
_LISTEN = """<script>window.faults = [];
addEventListener("error", function (event) { faults.push(String(event.message)); });
addEventListener("securitypolicyviolation", function (event) { faults.push("policy: " + event.blockedURI); });
</script>"""
_PROBE = """<script>(async function () {
  var images = Array.from(document.images);
  await Promise.all(images.map(function (image) { return image.decode(); }));
  var found = (function () { %s })();
  found.pictures = images.filter(function (image) { return image.naturalWidth > 0; }).length;
  found.faults = window.faults;
  document.documentElement.setAttribute("data-found", JSON.stringify(found));
}());</script>"""


def probe(page: str, folder: Path, script: str, *, width: int = 1280) -> tuple[dict, str]:
    """What ``script``, the body of a function that returns an object, finds in ``page``; and the browser's log."""
    path = folder / "probed.html"
    page = page.replace("<head>", "<head>" + _LISTEN, 1).replace("</body>", _PROBE % script + "</body>", 1)
    path.write_text(page, encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync"
    # Pictures decode in real time while the page's own clock runs ahead: a busy machine needs a longer budget.
    for budget in (8_000, 60_000, 400_000):
        command = [
            BROWSER,
            *flags.split(),
            "--disable-component-update",
            "--enable-logging=stderr",
            f"--virtual-time-budget={budget}",
            f"--window-size={width},900",
            f"--user-data-dir={folder / 'profile'}",
            "--dump-dom",
            path.as_uri(),
        ]
        result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        found = re.search(r'data-found="([^"]*)"', result.stdout)
        if found:
            return json.loads(unescape(found[1])), result.stderr
    raise AssertionError("the probe did not finish")


def test_the_page_of_a_pair_works(tmp_path):
    page = page_of(tmp_path)
    script = """
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
    """
    found, log = probe(page, tmp_path, script)
    assert found["faults"] == [] and "CONSOLE" not in log
    assert found["pictures"] == page.count("<img ")
    assert found["blinks"] and found["hidden"] == "hidden"
    assert found["open"] and found["copied"] == 1


def test_pages_with_scores_work(tmp_path):
    for page in (page_of(tmp_path, scores={}), _scored()):
        found, log = probe(page, tmp_path, "return {};")
        assert found["faults"] == [] and "CONSOLE" not in log
        assert found["pictures"] == page.count("<img ") > 0


def test_a_narrow_window_does_not_scroll_sideways(tmp_path):
    script = "return { over: document.documentElement.scrollWidth - window.innerWidth };"
    pages = (page_of(tmp_path), cohort_html(CohortPage(_rows())), page_of(tmp_path, scores={}), _scored())
    for page in pages:
        found, _ = probe(page, tmp_path, script, width=500)
        assert found["over"] <= 0


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
