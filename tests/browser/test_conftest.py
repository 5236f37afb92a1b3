"""The fixture itself: what it must catch, and that the browser draws."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

_WEBGL2 = "!!document.createElement('canvas').getContext('webgl2')"


def test_webgl_can_be_had_and_left_out(open_page):
    assert open_page("<title>a</title>").page.evaluate(_WEBGL2)
    assert not open_page("<title>a</title>", webgl=False).page.evaluate(_WEBGL2)


def test_errors_are_faults(open_page):
    opened = open_page("<script>console.error('ouch'); throw new Error('thrown');</script>")
    assert any("ouch" in fault for fault in opened.faults) and any("thrown" in fault for fault in opened.faults)
    opened.faults.clear()


def test_requests_that_leave_the_page_are_caught(open_page):
    opened = open_page("<img src='http://localhost:9/elsewhere.png'>")
    assert opened.requests == ["http://localhost:9/elsewhere.png"]
    with pytest.raises(AssertionError):
        opened.check()
    opened.requests.clear()
    opened.faults.clear()


def test_what_the_policy_blocks_is_a_fault(open_page):
    policy = """<meta http-equiv="Content-Security-Policy" content="default-src 'none'">"""
    opened = open_page(f"{policy}<img src='http://localhost:9/elsewhere.png'>")
    assert opened.faults
    opened.faults.clear()
    opened.requests.clear()
