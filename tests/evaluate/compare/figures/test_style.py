from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import matplotlib
from PIL import Image

from newlesions.evaluate.compare.figures import png, save, svg
from newlesions.evaluate.compare.figures.style import Label, label_right, panels, styled


@styled
def drawn():
    figure, (axes,) = panels(1, 1, (3, 2))
    axes.plot([0, 1], [0, 1])
    return figure


def test_files_have_no_date_and_equal_bytes_whatever_the_users_settings(tmp_path: Path) -> None:
    first = save(drawn(), tmp_path / "a.b")
    assert [path.name for path in first] == ["a.b.svg", "a.b.png"]
    with matplotlib.rc_context({"font.size": 30, "axes.grid": False, "svg.hashsalt": "other"}):
        second = drawn()
        assert svg(second) == first[0].read_text()
        assert png(second) == first[1].read_bytes()
        assert matplotlib.rcParams["font.size"] == 30
    assert "<dc:date>" not in svg(drawn()) and "Matplotlib" not in svg(drawn()).split("<defs>")[0]
    assert "Software" not in Image.open(first[1]).info


def test_no_unused_panel_remains() -> None:
    figure, axes = panels(4, 3, (2, 2))
    assert len(axes) == len(figure.axes) == 4


def test_labels_keep_their_distance_and_stay_in_the_axes() -> None:
    _, (axes,) = panels(1, 1, (3, 3))
    axes.set_ylim(0, 10)
    label_right(axes, [Label(y, str(y), "black") for y in (9.9, 9.8, 9.7, 1.0)], gap=0.1)
    heights = sorted(text.xy[1] for text in axes.texts)
    assert heights[0] == 0.1
    assert all(later - former > 0.0999 for former, later in pairwise(heights))
    assert heights[-1] <= 1
