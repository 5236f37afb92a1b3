"""Expressions of inputs: arithmetic of images, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newlesions.errors import ConfigError
from newlesions.networks.case import Case
from newlesions.networks.inputs import channels, check, evaluate, names, references
from newlesions.networks.prepare import prepare
from newlesions.networks.stages import Prepare

SHAPE = (3, 4, 5)
IMAGES = {
    "baseline": np.full(SHAPE, 2.0, np.float32),
    "followup": np.arange(60, dtype=np.float32).reshape(SHAPE),
    "lesions(baseline)": np.full(SHAPE, 0.25, np.float16),
    "lesions(followup)": np.full(SHAPE, 0.75, np.float16),
    "brain": np.ones(SHAPE, bool),
}


@pytest.fixture
def case() -> Case:
    rng = np.random.default_rng(0)
    shape = (12, 13, 14)
    brain = np.zeros(shape, bool)
    brain[2:-2, 2:-2, 2:-2] = True
    change = np.zeros(shape, np.uint8)
    change[5, 5, 5:9] = 1, 2, 3, 4
    before, after = (100 + 10 * rng.standard_normal((2, *shape))).astype(np.float32)
    return Case("p", "s", before, after, brain, change, np.diag([2.0, 2, 2, 1]), np.eye(4), (1.0, 1.0))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("followup", IMAGES["followup"]),
        ("followup - baseline", IMAGES["followup"] - 2),
        (" -followup * 2 + (baseline / 4 - 1.5e0) ", -IMAGES["followup"] * 2 - 1),
        ("lesions(followup) - lesions(baseline)", np.full(SHAPE, 0.5)),
        ("baseline * brain", IMAGES["baseline"]),
        ("1 / 0 * baseline", np.zeros(SHAPE)),
        ("positive(followup - 30) * baseline", np.maximum(IMAGES["followup"] - 30, 0) * 2),
        ("positive(lesions(baseline) - lesions(followup))", np.zeros(SHAPE)),
    ],
)
def test_arithmetic(expression: str, expected: np.ndarray) -> None:
    result = evaluate(expression, IMAGES)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected)


def test_a_quotient_by_zero_is_zero() -> None:
    result = evaluate("baseline / followup", IMAGES)
    assert result[0, 0, 0] == 0 and result[0, 0, 1] == 2 and np.isfinite(result).all()


@pytest.mark.parametrize(
    "expression",
    [
        "followup.shape",
        "__import__('os')",
        "open(baseline)(followup)",
        "lesions(1)",
        "positive(baseline, followup)",
        "positive.x(baseline)",
        "lesions(baseline, followup)",
        "lesions(visit=baseline)",
        "lesions(*baseline)",
        "lesions(other)",
        "followup[0]",
        "followup ** 9",
        "followup // 2",
        "~brain",
        "+followup",
        "not brain",
        "followup if brain else baseline",
        "followup > 1",
        "lambda: baseline",
        "(x := baseline)",
        "[baseline]",
        "[followup for followup in baseline]",
        "'baseline'",
        "f'{baseline}'",
        "True",
        "1j * baseline",
        "baseline; followup",
        "baseline\nfollowup",
        "followup -",
        "",
        "\0",
        "(" * 90 + "baseline",
        "-" * 190 + "baseline.T",
        "baseline + " * 100 + "baseline",
    ],
)
def test_anything_else_is_refused_in_one_line(expression: str) -> None:
    for use in (lambda: evaluate(expression, IMAGES), lambda: names(expression), lambda: check(expression)):
        with pytest.raises(ConfigError) as raised:
            use()
        assert str(raised.value).startswith("input ")
        assert len(str(raised.value).replace(expression, "").splitlines()) == 1


@given(st.text(alphabet="baseline()+-*/. 0123456789_'[]", max_size=40))
def test_an_expression_is_a_number_an_image_or_an_error(expression: str) -> None:
    try:
        result = evaluate(expression, IMAGES)
    except ConfigError:
        return
    assert result.shape == SHAPE


def test_only_numbers_are_no_input() -> None:
    with pytest.raises(ConfigError, match="only numbers"):
        evaluate("1 + 2", IMAGES)


def test_unknown_names_are_told_with_the_known() -> None:
    with pytest.raises(ConfigError, match=r"'ratio9 \+ 1': found ratio9; known: baseline, brain, followup, lesions"):
        evaluate("ratio9 + 1", IMAGES)
    with pytest.raises(ConfigError, match=r"found new\(baseline\); known: .*lesions\(followup\)"):
        check("new(baseline)", ["new"], visits=["lesions"])
    with pytest.raises(ConfigError, match=r"found lesions; known"):
        check("lesions", ["new"], visits=["lesions"])
    with pytest.raises(ConfigError, match=r"found flair; known"):
        check("flair")


def test_what_is_known_passes() -> None:
    check("new * (lesions(followup) - lesions(baseline)) + candidates", ["new"], visits=["lesions"])
    check("flair + lesions(flair) + depth", visits=["lesions"], one_visit=True)


def test_stages_that_an_expression_needs() -> None:
    expression = "lesions(followup) - lesions(baseline) + new / 2 * depth + followup + flair + candidates"
    assert names(expression) == {"lesions", "new"}
    assert references(expression) == {"lesions(followup)", "lesions(baseline)", "new"}
    assert names("followup - baseline + ratio") == set()


def test_channels_of_a_pair(case: Case) -> None:
    prepared = prepare(case, Prepare(normalise="none", mask=False))
    lesions = np.full(case.brain.shape, 0.5, np.float32)
    result = channels(["followup - baseline", "depth", "candidates", "new"], prepared, {"new": lesions})
    assert result.shape == (4, 12, 13, 14) and result.dtype == np.float32
    np.testing.assert_array_equal(result[0], case.followup - case.baseline)
    assert result[1].max() == 2.0 * 4  # mm: the brain is 8 to 10 voxels of 2 mm wide
    assert result[2].sum() == 2  # the new and the enlarging voxel
    np.testing.assert_array_equal(result[3], lesions)


@pytest.mark.parametrize("visit", ["baseline", "followup"])
def test_channels_of_a_visit(case: Case, visit: str) -> None:
    prepared = prepare(case, Prepare())
    outputs = {f"lesions({name})": np.full(case.brain.shape, n, np.float32) for n, name in enumerate(prepared.images)}
    result = channels(["flair", "lesions(flair)"], prepared, outputs, visit)
    np.testing.assert_array_equal(result[0], prepared.images[visit])
    np.testing.assert_array_equal(result[1], outputs[f"lesions({visit})"])


def test_channels_lie_on_the_stage_s_grid(case: Case) -> None:
    prepared = prepare(case, Prepare(spacing_mm=4.0))
    result = channels(["followup", "depth", "brain", "new"], prepared, {"new": np.ones(case.brain.shape, np.float32)})
    assert result.shape == (4, *prepared.grid.shape)
    assert result[3, 3, 3, 3] == pytest.approx(1)


def test_a_pair_s_stage_has_no_flair(case: Case) -> None:
    with pytest.raises(ConfigError, match="found flair"):
        channels(["flair"], prepare(case, Prepare()))


def test_the_edges_of_the_stages_voxels_are_inputs(case: Case) -> None:
    for how, edges in ((Prepare(), (2, 2, 2)), (Prepare(spacing_mm=(1.0, 2.0, 4.0)), (1, 2, 4))):
        made = channels(["edge_x", "edge_y", "edge_z"], prepare(case, how))
        assert [one.tolist() for one in (np.unique(axis) for axis in made)] == [[edge] for edge in edges]
    check("followup / edge_x")
    assert references("followup * edge_z") == set()
