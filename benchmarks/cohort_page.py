"""The cohort's page with many pairs: how long it takes to make, to open in Chromium, to sort and to filter."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from newlesions.preprocess.template import t1_template
from newlesions.report.cohort_page import CohortPage, cohort_html
from newlesions.report.group_table import group_rows
from newlesions.report.tables import Lesion

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROUNDS = 5
# Each waits until the browser has drawn the result.
_DRAWN = """await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));"""
_SORT = f"""async (key) => {{
  document.querySelector(`#pairs th[data-key=${{key}}] button`).click();
  {_DRAWN}
}}"""
_FIND = f"""async (words) => {{
  const find = document.getElementById("find");
  find.value = words;
  find.dispatchEvent(new Event("input"));
  {_DRAWN}
}}"""
_SCROLL = f"""async () => {{
  const box = document.getElementById("pairs-box");
  box.scrollTop = box.scrollHeight / 2;
  {_DRAWN}
}}"""
_ACTIONS = (
    ("sort by number", _SORT, "new"),
    ("and back", _SORT, "new"),
    ("sort by text", _SORT, "flags"),
    ("find", _FIND, "sub-00"),
    ("find all", _FIND, ""),
    ("scroll", _SCROLL, None),
)


def made_cohort(pairs: int) -> CohortPage:
    """A page's content: subjects of one to four visits with made-up numbers that look like those of a trial."""
    rng = np.random.default_rng(7)
    rows: list[dict[str, str]] = []
    summaries: dict[str, dict[str, object]] = {}
    lesions: list[list[Lesion]] = []
    subject = 0
    while len(rows) < pairs:
        subject += 1
        for visit in range(int(rng.choice([1, 1, 1, 2, 3]))):
            row = _row(rng, subject, visit)
            rows.append(row)
            if row["status"] == "done":
                summaries[row["pair"]] = _summary(rng, row)
                lesions.append([_lesion(rng, number) for number in range(int(row["new_count"]))])
    rows = rows[:pairs]
    return CohortPage(
        rows,
        summary={"recipe": "made up"},
        quality=group_rows(rows, summaries),
        lesions=lesions[:pairs],
        template=t1_template(),
        version="benchmark",
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the times; write the page where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, nargs="*", default=[200, 2000, 20000])
    parser.add_argument("--page", type=Path, help="keep the last page under this name")
    chosen = parser.parse_args(arguments)
    names = ["open", *(name for name, _, _ in _ACTIONS)]
    print("Milliseconds on the clock, and of the processor in the page's own thread; medians of", ROUNDS, "rounds.")
    print("\t".join(["pairs", "made_s", "size_kB", *names]))
    for pairs in chosen.pairs:
        content = made_cohort(pairs)
        start = perf_counter()
        page = cohort_html(content)
        made = perf_counter() - start
        with TemporaryDirectory() as folder:
            path = chosen.page or Path(folder) / "index.html"
            path.write_text(page, encoding="utf-8")
            times = "\t".join(f"{clock:.0f} ({busy:.0f})" for clock, busy in _in_browser(path))
        print(f"{pairs}\t{made:.2f}\t{len(page.encode()) / 1000:.0f}\t{times}", flush=True)


def _in_browser(path: Path) -> list[tuple[float, float]]:
    """Milliseconds (on the clock, of the processor) to open ``path``, and of each of the actions."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        rounds = [_round(browser, path) for _ in range(ROUNDS)]
        browser.close()
    return [(float(clock), float(busy)) for clock, busy in np.median(np.array(rounds), axis=0)]


def _round(browser: Browser, path: Path) -> list[tuple[float, float]]:
    """Open ``path`` in a new tab and do each action once."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return 1000 * next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")

    def timed(action: Callable[[], object]) -> tuple[float, float]:
        start, before = perf_counter(), busy()
        action()
        return 1000 * (perf_counter() - start), busy() - before

    def open_page() -> None:
        page.goto(path.absolute().as_uri())
        page.evaluate(f"async () => {{ {_DRAWN} }}")

    found = [timed(open_page)]
    for _, script, argument in _ACTIONS:
        found.append(timed(partial(page.evaluate, script, argument)))
    page.close()
    return found


def _row(rng: np.random.Generator, subject: int, visit: int) -> dict[str, str]:
    baseline, followup = f"M{12 * visit:02d}", f"M{12 * visit + 12:02d}"
    pair = f"sub-{subject:04d}_ses-{followup}"
    row = {"pair": pair, "subject": f"{subject:04d}", "baseline_session": baseline, "followup_session": followup}
    if rng.random() < 0.01:
        reason = f"ingest: {pair}_FLAIR.nii.gz: found 4 dimensions; expected 3"
        return {**row, "days": "365", "status": "failed", "reason": reason}
    counts = rng.poisson(rng.gamma(0.6, 2.5)), rng.poisson(0.4), rng.poisson(0.3), rng.poisson(0.4)
    found = {}
    for kind, count in zip(("new", "enlarging", "gone", "shrinking"), counts, strict=True):
        found[f"{kind}_count"] = str(count)
        found[f"{kind}_volume_mm3"] = f"{sum(rng.lognormal(4.2, 0.9, count)):.1f}" if count else "0"
    return {**row, "days": str(int(rng.normal(365, 20))), "status": "done", "reason": "", **found, "warnings": ""}


def _summary(rng: np.random.Generator, row: dict[str, str]) -> dict[str, object]:
    brain = rng.normal(1400, 130)
    slices = float(rng.choice([1.0, 1.0, 3.0]))
    others = slices if rng.random() < 0.95 else 4.0 - slices
    clipped = "follow-up: 1.4% of the voxels above the background share the highest value (4095): clipped"
    return {
        "registration_correlation": round(1 - abs(rng.gamma(2.2, 0.022)), 4),
        "brain_overlap": round(1 - abs(rng.gamma(3, 0.006)), 4),
        "inverse_consistency_mm": round(float(rng.gamma(1.2, 0.09)), 4),
        **{f"moved_{axis}_mm": round(float(rng.normal(0, 8)), 2) for axis in "xyz"},
        "rotated_deg": round(float(rng.gamma(3, 2.5)), 2),
        "brain_baseline_ml": round(brain, 1),
        "brain_followup_ml": round(brain * rng.normal(0.995, 0.012), 1),
        **{f"brain_cut_{visit}_cm2": round(float(rng.gamma(0.5, 4)), 2) for visit in ("baseline", "followup")},
        **{f"snr_{visit}": round(float(rng.normal(38, 9)), 2) for visit in ("baseline", "followup")},
        **{f"inu_range_{visit}": round(float(rng.gamma(5, 0.035)), 4) for visit in ("baseline", "followup")},
        "differential_bias_sd": round(float(rng.gamma(5, 0.006)), 5),
        "histogram_overlap": round(1 - float(rng.gamma(2, 0.008)), 4),
        "noise": round(float(rng.gamma(8, 0.35)), 3),
        "noise_percent": round(float(rng.gamma(8, 0.55)), 2),
        **{f"in_plane_{visit}_mm": 1.0 for visit in ("baseline", "followup")},
        "slice_baseline_mm": slices,
        "slice_followup_mm": others,
        "warnings": clipped if rng.random() < 0.02 else "",
    }


def _lesion(rng: np.random.Generator, number: int) -> Lesion:
    """Most lie beside the ventricles."""
    side = float(rng.choice([-1, 1]))
    place = (side * abs(rng.normal(24, 8)), float(rng.normal(-15, 26)), float(rng.normal(24, 13)))
    volume = float(rng.lognormal(4.2, 0.9))
    return Lesion(number + 1, "new", volume, None, None, place, "periventricular", None, None, 0.9, None)


if __name__ == "__main__":
    main()
