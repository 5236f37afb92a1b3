#!/usr/bin/env python3
"""Take the pictures of docs/reports.md from the pages of a finished run, with the Chromium that is installed.

    python scripts/screenshots.py OUT_DIR sub-12_ses-2 [--pictures docs/images]
    python scripts/screenshots.py demo/derivatives

OUT_DIR is a run with references, the second argument the pair that is shown; without one the page of the cohort alone
becomes `demo.webp`. Pictures are WebP; one of more than 250 kB
is an error, since documents are read over slow lines too. Look at them before they are committed: pages show heads.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import TYPE_CHECKING

from newlesions.report.pdf import find_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# WebGL 2 on the processor, as in tests/browser.
_FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_MOST_BYTES = 250_000
_QUALITY = 72
_BAR = 48  # pixels of the page's own bar, which stays in sight


def main() -> None:
    """Write all pictures."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("pair", nargs="?")
    parser.add_argument("--pictures", type=Path, default=Path("docs/images"))
    args = parser.parse_args()
    cohort = args.out / "index.html"
    page = args.out / args.pair.split("_")[0] / f"{args.pair}.html" if args.pair else cohort
    for path in (page, cohort):
        if not path.is_file():
            parser.error(f"found no {path}; expected a finished run and one of its pairs")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(find_browser()), args=_FLAGS)
        if not args.pair:
            _save(_part(_opened(browser, cohort), "main", 760), args.pictures / "demo.webp")
            return
        pair = _opened(browser, page)
        _save(_part(pair, "main", 1000), args.pictures / "pair.webp")
        pair.locator("#lesion-list .goto").nth(1).click()
        _save(_part(pair, "#viewer", 930), args.pictures / "viewer.webp")
        _save(_part(pair, "#overview", 1560), args.pictures / "overview.webp")
        _save(_part(pair, "#lesions", 700), args.pictures / "lesions.webp")
        _save(_part(pair, "#quality", 980), args.pictures / "quality.webp")
        _save(_part(_opened(browser, cohort), "main", 1150), args.pictures / "cohort.webp")
        dark = _opened(browser, cohort, dark=True)
        _save(_part(dark, "#table", 1100), args.pictures / "cohort-dark.webp")
        browser.close()


def _opened(browser: Browser, path: Path, *, dark: bool = False) -> Page:
    """The page in a tab of its own, once its viewer, if it has one, has drawn."""
    look = "dark" if dark else "light"
    context = browser.new_context(viewport={"width": 1280, "height": 930}, color_scheme=look, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(600_000)  # drawing volumes takes long where the processor does it
    page.goto(path.absolute().as_uri())
    if page.locator("#pair-data").count():
        page.locator("html[data-viewer=ready]").wait_for(state="attached")
    return page


def _part(page: Page, selector: str, height: int) -> bytes:
    """A PNG of the window with the beginning of an element at its top, below the page's bar."""
    page.set_viewport_size({"width": 1280, "height": height})
    page.locator(selector).evaluate("(node, bar) => scrollTo(0, node.offsetTop - bar)", _BAR)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.screenshot()


def _save(png: bytes, path: Path) -> None:
    from PIL import Image

    packed = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").save(packed, "WEBP", quality=_QUALITY, method=6)
    size = packed.getbuffer().nbytes
    if size > _MOST_BYTES:
        raise SystemExit(f"{path}: found {size} bytes; expected at most {_MOST_BYTES} (make its window smaller)")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packed.getvalue())
    print(f"{path}  {size // 1000} kB")


if __name__ == "__main__":
    main()
