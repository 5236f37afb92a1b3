"""A page as PDF, printed by the Chromium that is installed. Equal pages give equal bytes with one Chromium."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from html import unescape
from pathlib import Path

from newlesions.errors import ConfigError
from newlesions.images.files import write_bytes

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
"""The names under which the browser is looked for on the PATH, where $CHROME_PATH names none."""

_FLAGS = (
    "--headless",
    # The page is this package's own and its scripts are off; in containers and for root the sandbox cannot start.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-pdf-header-footer",
)
_PATIENCE_S = 300
_NO_SCRIPT = """<meta http-equiv="Content-Security-Policy" content="script-src 'none'">"""
_OUTER_LINK = re.compile(r'(<a\b[^>]*?)\shref="(?!#)[^"]*"')
_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)
_NODE = re.compile(rb"\(node(\d{8})\)")
_DATE = re.compile(rb"(/(?:CreationDate|ModDate) \(D:)\d{14}")


def find_browser() -> Path:
    """The browser: $CHROME_PATH, or the first of `BROWSERS` on the PATH.

    Raises
    ------
    ConfigError
        If there is none, or $CHROME_PATH names no program.
    """
    named = os.environ.get("CHROME_PATH", "")
    if named:
        program = shutil.which(named)
        if program is None:
            raise ConfigError(f"CHROME_PATH: found {named!r}, which is no program; expected Chromium or Chrome")
        return Path(program)
    for name in BROWSERS:
        if program := shutil.which(name):
            return Path(program)
    raise ConfigError(
        f"--pdf: found none of {', '.join(BROWSERS)} on the PATH; expected one (Debian: apt-get install chromium), or "
        "its path in $CHROME_PATH"
    )


def write_pdf(page: Path, pdf: Path, browser: Path) -> None:
    """Print the HTML file ``page`` as the file ``pdf``, in one step.

    Raises
    ------
    ConfigError
        If ``browser`` ends without a PDF.
    """
    with tempfile.TemporaryDirectory(prefix="newlesions-pdf-") as name:
        folder = Path(name)
        copy, printed = folder / "page.html", folder / "page.pdf"
        copy.write_text(printable(page.read_text(encoding="utf-8")), encoding="utf-8")
        _print(browser, copy, printed, folder / "profile")
        write_bytes(pdf, steady(printed.read_bytes()))


def printable(html: str) -> str:
    """``html`` for paper: no script runs, links lead nowhere outside, each sheet tells whose page it is.

    A link to another file would stand in the PDF with the folder in which the page lies.
    """
    title = _TITLE.search(html)
    named = f'<style>@page {{ @bottom-left {{ content: "{_css_text(unescape(title[1]) if title else "")}"; '
    named += "font: 8px system-ui, sans-serif; color: #444; } }</style>"
    html = html.replace("<head>", f"<head>\n{_NO_SCRIPT}", 1).replace("</head>", f"{named}\n</head>", 1)
    return _OUTER_LINK.sub(r"\1", html)


def steady(content: bytes) -> bytes:
    """A PDF without the moment of its making, its parts numbered from 1: on a busy machine Chromium leaves numbers out.

    The length stays, so that the table of offsets holds; so does the order of the numbers, by which readers search.
    """
    rank = {number: b"%08d" % n for n, number in enumerate(sorted(set(_NODE.findall(content))), start=1)}
    content = _NODE.sub(lambda found: b"(node" + rank[found[1]] + b")", content)
    return _DATE.sub(rb"\g<1>19700101000000", content)


def _css_text(text: str) -> str:
    """``text`` inside a quoted CSS string: all but letters and digits as escapes."""
    return "".join(c if c.isascii() and c.isalnum() else f"\\{ord(c):06x}" for c in text)


def _print(browser: Path, page: Path, pdf: Path, profile: Path) -> None:
    words = [str(browser), *_FLAGS, f"--user-data-dir={profile}", f"--print-to-pdf={pdf}", page.as_uri()]
    try:
        ended = subprocess.run(words, capture_output=True, timeout=_PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = f"no end after {_PATIENCE_S} s" if isinstance(error, subprocess.TimeoutExpired) else str(error)
        raise ConfigError(f"{browser}: found {reason}; expected a browser that prints") from error
    if not pdf.is_file():
        raise ConfigError(f"{browser}: found no PDF (it ended with {ended.returncode}); expected a browser that prints")
