"""What every figure draws, and that hard cases are drawn or left out instead of failing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from evaluate.compare.synthetic import write_system
from newlesions.evaluate.compare import figures
from newlesions.evaluate.compare.agreement import sides
from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.compare.cohort import common_cohort
from newlesions.evaluate.compare.comparison import compare
from newlesions.evaluate.compare.figures.style import COLOURS
from newlesions.evaluate.compare.ranking import rankings
from newlesions.evaluate.compare.read import System, read_system


def systems(folder: Path, count: int, pairs: int = 8) -> list[System]:
    return [
        read_system(f"system {n}", write_system(folder / str(n) / "scores.tsv", pairs, skill=0.3 * n, seed=n))
        for n in range(count)
    ]


def is_whole(figure) -> bool:
    """Whether all that is visible lies inside the figure."""
    figures.png(figure)  # lays it out
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn, (width, height) = figure.get_tightbbox(canvas.get_renderer()), figure.get_size_inches()
    slack = 0.02  # inches
    return bool(min(drawn.x0, drawn.y0) > -slack and drawn.x1 < width + slack and drawn.y1 < height + slack)


@pytest.mark.parametrize("count", [1, 2, 6, 9])
def test_nothing_is_cut_off_however_many_systems(count: int, tmp_path: Path) -> None:
    made = systems(tmp_path, count)
    drawn = [
        figures.froc({s.name: s.curves for s in made}),
        figures.precision_recall({s.name: s.curves for s in made}),
        figures.size_recall({s.name: s.lesions for s in made}),
        figures.bland_altman({s.name: sides(s, "count") for s in made}, "count"),
        figures.violins({"Dice": {s.name: s.scores["Dice"].to_numpy() for s in made}}),
    ]
    if count > 1:
        drawn.append(figures.rank_plot(rankings(common_cohort(made), Bootstrap(100))))
    for figure in drawn:
        assert is_whole(figure)


def test_violins_are_drawn_of_spread_and_points_of_everything() -> None:
    rng = np.random.default_rng(0)
    figure = figures.violins({
        "spread": {"a": rng.random(20), "b": np.full(6, 0.5), "c": np.array([0.3]), "d": np.array([np.nan])},
        "nothing": {"a": np.array([np.nan])},
    })  # fmt: skip
    (axes,) = figure.axes
    assert axes.get_title() == "spread"
    kinds = [type(collection).__name__ for collection in axes.collections]
    assert sum("FillBetween" in kind or kind == "PolyCollection" for kind in kinds) == 1
    points = [len(c.get_offsets()) for c in axes.collections if type(c).__name__ == "PathCollection"]
    assert points == [20, 1, 6, 1, 1, 1]  # the pairs and the mean, of each system that has any
    assert figures.violins({"nothing": {"a": np.array([np.nan])}}) is None
    assert figures.violins({}) is None


def test_froc_marks_the_mask_and_draws_every_system(tmp_path: Path) -> None:
    made = systems(tmp_path, 2)
    curves = {s.name: s.curves for s in made}
    (axes,) = figures.froc(curves).axes
    lines = axes.get_lines()
    assert [line.get_color() for line in lines] == [COLOURS[0]] * 2 + [COLOURS[1]] * 2
    mask = curves["system 0"][curves["system 0"]["threshold"].isna()]
    false = (mask["predicted"] - mask["true"]).sum() / len(mask)
    assert lines[1].get_xydata().tolist() == [[false, mask["found"].sum() / mask["reference"].sum()]]
    assert [text.get_text() for text in axes.texts] != []


def test_a_system_without_maps_is_a_marker_among_curves(tmp_path: Path) -> None:
    first, second = (s.curves for s in systems(tmp_path, 2))
    second = second[second["threshold"].isna()]
    (axes,) = figures.froc({"curve": first, "mask only": second}).axes
    assert [len(line.get_xdata()) for line in axes.get_lines()] == [10, 1, 0, 1]
    assert figures.froc({"mask only": second}) is None
    assert figures.precision_recall({"mask only": second}) is None
    assert figures.froc({"header only": first.iloc[:0]}) is None


def test_bland_altman_has_bias_and_limits_and_one_point_for_equal_pairs() -> None:
    reference, predicted = np.array([1.0, 1, 4, 5]), np.array([2.0, 2, 3, 5])
    (axes,) = figures.bland_altman({"a": (reference, predicted)}, "count").axes
    assert len(axes.collections[0].get_offsets()) == 3
    heights = sorted(line.get_ydata()[0] for line in axes.get_lines())
    sd = np.std(predicted - reference, ddof=1)
    assert heights == pytest.approx(sorted([0, 0.25, 0.25 - 1.96 * sd, 0.25 + 1.96 * sd]))


@pytest.mark.parametrize("values", [[3.0], [0.0], [2.0, 2.0, 2.0], [0.0, 0.0]])
def test_bland_altman_of_one_pair_or_no_spread_has_no_limits(values: list[float]) -> None:
    row = np.array(values)
    (axes,) = figures.bland_altman({"a": (row, row + 1)}, "volume").axes
    assert len(axes.get_lines()) == 2
    assert figures.svg(axes.figure)


def test_nothing_to_draw_is_none(tmp_path: Path) -> None:
    lesions = systems(tmp_path, 1)[0].lesions
    assert figures.bland_altman({"a": (np.empty(0), np.empty(0))}, "count") is None
    assert figures.size_recall({"a": lesions[lesions["side"] == "predicted"]}) is None
    assert figures.rank_plot([]) is None


def test_size_recall_shows_classes_with_their_numbers(tmp_path: Path) -> None:
    lesions = systems(tmp_path, 1, pairs=20)[0].lesions
    (axes,) = figures.size_recall({"a": lesions}).axes
    counts = lesions["size_class"].value_counts()
    assert {text.get_text() for text in axes.texts} == {f"n = {count}" for count in counts}


def test_ranks_stand_in_the_overall_order(tmp_path: Path) -> None:
    made = systems(tmp_path, 3, pairs=20)
    figure = figures.rank_plot(rankings(common_cohort(made), Bootstrap(100)))
    assert [axes.get_title() for axes in figure.axes][-1] == "Overall (mean rank)"
    for axes in figure.axes:
        assert [text.get_text() for text in axes.get_yticklabels()] == ["system 2", "system 1", "system 0"]


@pytest.mark.parametrize("count", [1, 7])
def test_figures_of_a_leaderboard_are_whole_and_have_equal_bytes(count: int, tmp_path: Path) -> None:
    made = systems(tmp_path, count)
    found = compare(made, Bootstrap(100))
    order = list(found.cohort.names)[::-1]

    def drawn() -> list[Figure | None]:
        return [
            figures.forest(found.descriptions, ["Dice", "NbTestedLesions"], order),
            figures.froc_multiples({s.name: s.curves for s in made}),
            figures.tests_map(found.tests, ["F1_score", "Dice"], order),
        ]

    assert (drawn()[2] is None) is (count == 1)
    for one, other in zip(drawn(), drawn(), strict=True):
        if one is not None and other is not None:
            assert is_whole(one)
            assert figures.svg(one) == figures.svg(other)


def test_a_leaderboard_without_values_has_no_figures() -> None:
    assert figures.forest([], ["Dice"], ["one"]) is None
    assert figures.tests_map([], ["Dice"], ["one"]) is None
    assert figures.froc_multiples({}) is None
