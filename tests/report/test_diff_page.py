from __future__ import annotations

from newlesions.report.diff_page import DiffPage, diff_html
from report.synthetic import Tags

ATTACK = '<script>alert("x")</script><img src=x onerror=alert(1)>'


def page(text: str, rows: int = 1) -> str:
    counts = {"kept": 1, "appeared": 2}
    row = {
        "pair": text,
        "state": "differs",
        "note": text,
        "files": [text],
        "counts": counts,
        "values": [("new_count", "1", "2"), ("new_volume_mm3", "10.5", ""), ("reason", text, "")],
    }
    lesion = {
        "pair": text, "change": text, "first_kind": text, "second_kind": "", "first_mm3": 12.5, "second_mm3": None,
        "overlap": 0.5, "x_mm": 1.0, "y_mm": 2.0, "z_mm": -3.0,
    }  # fmt: skip
    content = DiffPage((text, text), "1.0", 3, counts, [row] * rows, [lesion] * rows, [(text, text, text, text)])
    return diff_html(content)


def test_whatever_a_label_holds_is_shown_as_text() -> None:
    html = page(ATTACK)
    assert "<script" not in html and "<img" not in html
    assert html.count("&lt;script&gt;") >= 10
    tags = Tags(html)
    assert ATTACK in tags.text
    assert not list(tags.named("script", "img"))


def test_the_page_stands_alone_and_shows_both_sides() -> None:
    html = page("sub-01_ses-M12")
    assert "://" not in html and "Content-Security-Policy" in html
    assert "1 → 2" in html and "10.5 → –" in html and "1, 2, −3" in html


def test_long_lists_are_cut_and_say_where_the_rest_is() -> None:
    html = page("sub-01_ses-M12", rows=2500)
    assert "And 1,500 more, in changes.tsv." in html and "And 500 more, in lesions.tsv." in html


def test_paths_of_the_machine_are_cut() -> None:
    html = diff_html(DiffPage(("a", "b"), "1", 1, {}, [], [], [("setting", "recipe", "/home/ann/mine.yaml", "x")]))
    assert "mine.yaml" in html and "/home/ann" not in html
