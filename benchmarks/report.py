"""What the page of a pair costs: seconds of CPU to write it, its size, and how long a browser takes to show it.

    python benchmarks/report.py [OUT_DIR] [PAIR ...]

OUT_DIR is a finished run; without it, that of `benchmarks/orchestration.py`. Pages are written to a temporary folder.
Seconds are of CPU, so that other work on the machine changes them little; the last column is by the clock. It ends when
the viewer has drawn, which a machine without graphics card does on its processors.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import psutil

from newlesions.cohort.pairs_table import read_pairs
from newlesions.cohort.results import work_folder
from newlesions.commands.results_table import aligned
from newlesions.steps.adapter import recorded_call
from newlesions.steps.report import report

_BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", nargs="?", type=Path, default=Path("demo/bench/out"), help="the results of a run")
    parser.add_argument("pairs", nargs="*", help="as sub-01_ses-M12; all pairs when absent")
    args = parser.parse_args()
    if not (args.out / "pairs.tsv").is_file():
        parser.error(f"{args.out} is no finished run; expected its folder, or run benchmarks/orchestration.py first")
    names = args.pairs or [pair.pair for pair in read_pairs(args.out / "pairs.tsv")]
    logs = {name: work_folder(args.out.absolute()) / "logs" / "report" / f"{name}.log" for name in names}
    rows = [["pair", "write, CPU s", "without viewer", "MB", "without viewer", "show, CPU s", "show, s"]]
    os.chdir(args.out)
    with tempfile.TemporaryDirectory() as folder:
        for name, log in logs.items():
            if log.is_file():
                rows.append([name, *_row(recorded_call(log), Path(folder))])
    print(aligned(rows))


def _row(call: dict[str, Any], folder: Path) -> list[str]:
    costs = {viewer: _written(call, folder / f"{viewer}.html", viewer) for viewer in (True, False)}
    shown = _shown(folder / "True.html") if _BROWSER else None
    return [
        *(f"{costs[viewer][0]:.2f}" for viewer in (True, False)),
        *(f"{costs[viewer][1] / 1e6:.2f}" for viewer in (True, False)),
        *(f"{value:.2f}" for value in shown or ()),
    ] + ([] if shown else ["-", "-"])


def _written(call: dict[str, Any], page: Path, viewer: bool) -> tuple[float, int]:
    """Seconds of CPU (the less of two calls, since the first imports libraries) and bytes."""
    files = {name: Path(path) for name, path in call["inputs"].items() if path}
    settings = call["params"]["settings"]
    settings = {**settings, "report": {**settings.get("report", {}), "viewer": viewer}}
    seconds = []
    for _ in range(2):
        start = process_time()
        report(call["params"]["pair"], **files, out_html=page, settings=settings)
        seconds.append(process_time() - start)
    return min(seconds), page.stat().st_size


def _shown(page: Path) -> tuple[float, float] | None:
    """Seconds of CPU of all the browser's processes, and of the clock, until the viewer has drawn.

    None without Playwright.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_BROWSER, args=_FLAGS)
        tab = browser.new_page()
        tab.set_default_timeout(300_000)
        tab.goto("about:blank")
        before, start = _of_children(), perf_counter()
        tab.goto(page.as_uri())
        tab.locator("html[data-viewer]").wait_for(state="attached")
        clock, used = perf_counter() - start, _of_children() - before
        browser.close()
    return used, clock


def _of_children() -> float:
    """Seconds of CPU that the processes below this one have used."""
    times = [process.cpu_times() for process in psutil.Process().children(recursive=True)]
    return sum(time.user + time.system for time in times)


if __name__ == "__main__":
    main()
