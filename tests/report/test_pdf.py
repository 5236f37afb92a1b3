from __future__ import annotations

import re
import shutil

import pytest

from newlesions.errors import ConfigError
from newlesions.report.pdf import BROWSERS, find_browser, printable, steady, write_pdf
from report.synthetic import page_of

BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on this machine")


def test_a_printed_page_runs_no_script_and_links_nowhere_outside():
    html = (
        "<html><head><title>sub-01 &lt;b&gt;</title></head>"
        '<a class="x" href="../index.html">all</a><a href="#table">t</a></html>'
    )
    copy = printable(html)
    assert copy.index("script-src 'none'") < copy.index("<title>")
    assert '<a class="x">all</a>' in copy and '<a href="#table">' in copy


def test_a_label_in_the_footer_cannot_leave_its_quotes():
    copy = printable('<html><head><title>a"; } b</title></head></html>')
    assert r'content: "a\000022\00003b\000020\00007d\000020b"' in copy


def test_the_moment_of_making_is_taken_out_and_the_length_stays():
    content = b"<</CreationDate (D:20261120182418+00'00')\n/ModDate (D:20261120182419+00'00')>>"
    assert steady(content) == re.sub(rb"D:\d{14}", b"D:19700101000000", content)
    assert len(steady(content)) == len(content)


def test_a_missing_browser_is_one_line(monkeypatch, tmp_path):
    monkeypatch.delenv("CHROME_PATH", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"--pdf: found none of chromium, .*; expected one"):
        find_browser()


def test_the_environment_names_the_browser(monkeypatch, tmp_path):
    program = tmp_path / "my-chrome"
    program.write_text("#!/bin/sh\n")
    monkeypatch.setenv("CHROME_PATH", str(program))
    with pytest.raises(ConfigError, match=r"CHROME_PATH: found .*my-chrome', which is no program"):
        find_browser()
    program.chmod(0o755)
    assert find_browser() == program


def test_a_browser_that_prints_nothing_is_told_and_leaves_no_file(tmp_path):
    program, page = tmp_path / "chrome", tmp_path / "page.html"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    page.write_text("<html><head></head></html>")
    with pytest.raises(ConfigError, match=r"found no PDF \(it ended with 3\)"):
        write_pdf(page, tmp_path / "page.pdf", program)
    assert not (tmp_path / "page.pdf").exists()


def test_the_numbers_that_chromium_leaves_out_make_no_difference():
    one = b"/ID (node00000012)>> /ID (node00000007)>> [(node00000007) 3 0 R (node00000012) 4 0 R]"
    two = one.replace(b"node00000012", b"node00000013")
    assert steady(one) == steady(two)
    assert steady(one).startswith(b"/ID (node00000002)>> /ID (node00000001)>> [(node00000001) 3")


@needs_browser
def test_equal_pages_give_equal_pdfs_that_tell_no_folder(tmp_path):
    html = page_of(tmp_path)
    written = []
    for name in ("one", "two"):
        page = tmp_path / name / "sub-01_ses-2.html"
        page.parent.mkdir()
        page.write_text(html, encoding="utf-8")
        write_pdf(page, page.with_suffix(".pdf"), find_browser())
        written.append(page.with_suffix(".pdf").read_bytes())
    assert written[0] == written[1]
    assert written[0].startswith(b"%PDF-") and b"/Count" in written[0]
    assert b"file:" not in written[0] and str(tmp_path).encode() not in written[0]
