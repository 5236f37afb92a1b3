"""A real Chromium, driven by Playwright: `open_page` shows a page and, at the end, insists that it did no harm."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# WebGL 2 is drawn by the processor, so that a machine without a graphics card sees the same pictures.
_WEBGL = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_NO_WEBGL = ["--disable-gpu", "--disable-3d-apis"]
_QUIET = ["--no-sandbox", "--disable-component-update", "--disable-sync", "--disable-background-networking"]
_OWN = ("file:", "data:", "blob:", "about:")

# Violations of the content security policy are console errors too; this tells which address was blocked.
_LISTEN = """addEventListener("securitypolicyviolation", (event) => console.error("policy: " + event.blockedURI));"""


@dataclass
class Opened:
    """A page in the browser, and what must stay empty: ``faults`` (errors, warnings) and ``requests`` that leave it."""

    page: Page
    faults: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Gather errors and requests from now on."""
        self.page.on("console", lambda message: self._console(message.type, message.text))
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("request", lambda request: self._request(request.url))

    def check(self) -> None:
        """Fail if the page complained, or asked for anything but itself."""
        assert self.faults == []
        assert self.requests == []

    def _console(self, kind: str, text: str) -> None:
        # Software drawing reads pixels slowly, and the driver says so.
        if kind in ("error", "warning") and "GL Driver Message" not in text:
            self.faults.append(f"{kind}: {text}")

    def _request(self, url: str) -> None:
        if not url.startswith(_OWN):
            self.requests.append(url)


OpenPage = Callable[..., Opened]


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright; tests are skipped, saying so, where it or a browser is missing."""
    if BROWSER is None:
        pytest.skip("no chromium or google-chrome on this machine")
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with driver.sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browsers(playwright: Playwright) -> Iterator[Callable[[bool], Browser]]:
    """The browser with or without WebGL, each started when first asked for."""
    started: dict[bool, Browser] = {}

    def browser(webgl: bool) -> Browser:
        if webgl not in started:
            flags = [*_QUIET, *(_WEBGL if webgl else _NO_WEBGL)]
            started[webgl] = playwright.chromium.launch(executable_path=BROWSER, args=flags)
        return started[webgl]

    yield browser
    for each in started.values():
        each.close()


@contextmanager
def _opening(browsers: Callable[[bool], Browser], folder: Path) -> Iterator[OpenPage]:
    """Pages open until the end, when all must have been silent and must have asked for nothing."""
    opened: list[Opened] = []

    def show(html: str | Path, *, width: int = 1280, height: int = 900, webgl: bool = True, **more: Any) -> Opened:
        path = html if isinstance(html, Path) else folder / more.pop("name", "page.html")
        if isinstance(html, str):
            path.write_text(html, encoding="utf-8")
        context = browsers(webgl).new_context(viewport={"width": width, "height": height}, **more)
        context.set_default_timeout(120_000)  # of a busy machine; nothing waits as long when all is well
        context.add_init_script(_LISTEN)
        one = Opened(context.new_page())
        one.watch()
        opened.append(one)
        one.page.goto(path.absolute().as_uri())
        return one

    yield show
    for one in opened:
        one.page.context.close()
        one.check()


@pytest.fixture
def open_page(browsers: Callable[[bool], Browser], tmp_path: Path) -> Iterator[OpenPage]:
    """``open_page(html, width=1280, height=900, webgl=True, name="page.html", **context)``.

    ``html`` is a page's text, which is written to a file, or the path of one. ``context`` goes to Playwright's
    ``new_context``: ``color_scheme="dark"``, ``java_script_enabled=False``. A page that complains, or asks for anything
    but itself, fails the test.
    """
    with _opening(browsers, tmp_path) as show:
        yield show


@pytest.fixture(scope="module")
def open_pages(browsers: Callable[[bool], Browser], tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenPage]:
    """The same for pages that the tests of a module share; each of these calls ``Opened.check`` itself."""
    with _opening(browsers, tmp_path_factory.mktemp("pages")) as show:
        yield show
