from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluate.masks_of import SPACINGS, boxes, mask_pairs
from evaluate.plain import plain_score
from newlesions.errors import ConfigError
from newlesions.evaluate.forms import text_form, xml_form
from newlesions.evaluate.masks import label_image, read_mask
from newlesions.evaluate.measures import EMPTY, MEASURES, SEGMENTATION, Thresholds, score

SIDE = (20, 20, 20)


def scored(reference, prediction, spacing=(1, 1, 1), **thresholds):
    images = (label_image(mask, spacing=spacing) for mask in (reference, prediction))
    return score(*images, Thresholds(**thresholds))


def rod(start, stop, j=5, k=5):
    return (start, stop), (j, j + 1), (k, k + 1)


def cube(start, stop):
    return ((start, stop),) * 3


@pytest.fixture(scope="module")
def golden():
    folder = Path(__file__).parents[3] / "shared" / "evaluation_golden"
    if not folder.is_dir():
        pytest.skip("no answers of the real tool: there is no folder ../shared/evaluation_golden beside the checkout")
    return folder, json.loads((folder / "expected.json").read_text())["pairs"]


def test_every_printed_digit_of_the_real_tool(golden):
    folder, pairs = golden
    for pair in pairs:
        reference, prediction = (read_mask(folder / pair[name]) for name in ("gt", "pred"))
        runs = [({}, pair), *((options(run["options"]), run) for run in pair["extra_runs"])]
        for thresholds, run in runs:
            measures = score(reference, prediction, Thresholds(**thresholds))
            if "std_sort_sensitive" in pair["flags"]:
                # The tool's unstable sort takes the lesions of equal overlap in another order: only this one differs.
                assert (measures["SensL"], run["measures"]["SensL"]) == (1.0, 0.956522)
                measures |= {name: run["measures"][name] for name in ("SensL", "F1_score")}
            assert text_form(measures) == run["text"], pair["id"]
            if "xml" in run:
                assert xml_form(measures, "out_global") == run["xml"], pair["id"]


def options(arguments):
    names = {"-v": "min_volume_mm3", "-x": "min_overlap", "-y": "max_false_positive", "-z": "moderator"}
    return {names[key]: float(value) for key, value in pairwise(arguments) if key in names}


@pytest.mark.parametrize(
    ("reference", "prediction", "expected"),
    [
        pytest.param([cube(5, 8)], [cube(5, 8)], {"Dice": 1, "F1_score": 1, "RelativeVolumeError": 0}, id="identical"),
        pytest.param([rod(2, 5)], [rod(2, 5)], {"Dice": 1, "SensL": math.nan, "PPVL": 0, "F1_score": 0}, id="3 mm3"),
        pytest.param([rod(2, 6)], [rod(2, 6)], {"Dice": 1, "F1_score": 1}, id="4 mm3"),
        pytest.param(
            [cube(5, 7)],
            [cube(5, 8)],
            {"Jaccard": 8 / 27, "Dice": 16 / 35, "RelativeVolumeError": 237.5, "SensL": 0, "PPVL": 1, "F1_score": 0},
            id="prediction 70.4 % outside",
        ),
        pytest.param(
            [rod(2, 12)], [rod(11, 15)], {"SensL": 0, "PPVL": 0, "F1_score": 0, "Dice": 2 / 14}, id="a tenth covered"
        ),
        pytest.param(
            [rod(2, 12)],
            [rod(2, 8), rod(10, 12), ((10, 12), (6, 12), (5, 6))],
            {"SensL": 1, "PPVL": 1, "F1_score": 1, "Dice": 16 / 30},
            id="the second part is never examined",
        ),
        pytest.param(
            [rod(2, 12)],
            [rod(2, 6), rod(9, 12), ((9, 12), (6, 14), (5, 6))],
            {"SensL": 0, "PPVL": 1, "F1_score": 0, "Dice": 14 / 41},
            id="the second part is examined and lies outside",
        ),
        pytest.param(
            [cube(2, 4), cube(4, 6)], [cube(2, 4)], {"SensL": 0.5, "PPVL": 1}, id="corners do not connect"
        ),
        pytest.param(
            [((2, 6), (5, 7), (5, 7)), ((8, 12), (5, 7), (5, 7))],
            [((2, 12), (5, 7), (5, 7))],
            {"Dice": 32 / 36, "SensL": 1, "PPVL": 1, "F1_score": 1},
            id="a bridge",
        ),
        pytest.param(
            [cube(0, 1)], [cube(8, 11)], {"PPVL": 0, "SensL": math.nan, "F1_score": 0}, id="too small"
        ),
    ],
)  # fmt: skip
def test_small_cases_worked_out_by_hand(reference, prediction, expected):
    measures = scored(boxes(SIDE, *reference), boxes(SIDE, *prediction))
    assert {name: measures[name] for name in expected} == pytest.approx(expected, nan_ok=True)


def test_empty_prediction():
    measures = scored(boxes(SIDE, cube(5, 8)), boxes(SIDE))
    assert measures["Dice"] == measures["Sensitivity"] == measures["F1_score"] == 0
    assert measures["RelativeVolumeError"] == -100
    assert measures["NPV"] == pytest.approx(0.996625)
    assert math.isnan(measures["PPV"])
    assert math.isnan(measures["HausdorffDistance"])


@pytest.mark.parametrize(
    ("spacing", "voxels", "expected"),
    [
        ((1, 1, 1), 3, (0, 0)),
        ((1, 1, 1), 8, (1, 8)),
        ((0.5, 0.5, 0.5), 24, (0, 0)),
        ((0.5, 0.5, 0.5), 25, (1, 3.125)),
    ],
)
def test_empty_reference_counts_lesions_above_3_mm3_whatever_the_option(spacing, voxels, expected):
    grid = (40, 3, 3)
    prediction = boxes(grid, ((2, 2 + voxels), (1, 2), (1, 2)))
    measures = scored(boxes(grid), prediction, spacing, min_volume_mm3=0)
    assert measures == dict(zip(EMPTY, expected, strict=True))
    assert scored(np.ones(grid, bool), prediction, spacing) == measures, "a constant image counts as empty"


def test_volume_is_the_product_of_float32_voxel_sizes():
    spacing = np.array([0.5, 0.6, 1.0], np.float32).astype(np.float64)
    mask = boxes(SIDE, rod(2, 12))
    assert scored(mask, mask, spacing)["SensL"] == 1, "10 voxels of slightly more than 0.3 mm3 are more than 3 mm3"
    assert math.isnan(scored(mask, mask, (0.5, 0.6, 1.0))["SensL"])


def test_labels_are_told_apart_where_both_images_have_as_many():
    labels = np.zeros(SIDE, int)
    labels[2:6, 2:6, 2:6], labels[10:14, 2:6, 2:6] = 1, 2
    swapped = np.choose(labels, [0, 2, 1])
    assert scored(labels, swapped)["Dice"] == 0
    assert scored(labels, swapped)["F1_score"] == 1, "lesions do not tell labels apart"
    assert scored(labels, labels > 0)["Dice"] == 1, "against a mask both become masks"


@given(mask_pairs(), st.sampled_from(SPACINGS), st.sampled_from([(3.0, 0.1, 0.7, 0.65), (0.0, 0.3, 0.4, 1.0)]))
def test_as_the_plain_way(pair, spacing, rule):
    names = ("min_volume_mm3", "min_overlap", "max_false_positive", "moderator")
    measures = scored(*pair, spacing, **dict(zip(names, rule, strict=True)))
    assert measures == pytest.approx(plain_score(*pair, spacing, *rule), nan_ok=True, abs=1e-9)


@given(mask_pairs(margin=1), st.integers(0, 2), st.sampled_from(SPACINGS))
def test_mirroring_changes_nothing(pair, axis, spacing):
    # But the tool's SurfaceDistance, whose running minimum depends on the order of voxels; and lesions of equal
    # size and overlap are taken by their first voxel, which a beta of 1 takes out of the rule.
    before = scored(*pair, spacing, max_false_positive=1.0)
    after = scored(*(np.flip(mask, axis) for mask in pair), spacing, max_false_positive=1.0)
    del before["SurfaceDistance"], after["SurfaceDistance"]
    assert after == pytest.approx(before, nan_ok=True)


@given(
    mask_pairs(margin=1), st.sampled_from([(0, 1), (0, 255), (3, 4), (1, 90)]), st.sampled_from([np.uint8, np.int32])
)
def test_the_names_of_labels_change_nothing(pair, values, kind):
    renamed = (np.where(mask, values[1], values[0]).astype(kind) for mask in pair)
    assert scored(*renamed) == pytest.approx(scored(*pair), nan_ok=True)


@given(mask_pairs(margin=1), st.integers(1, 4), st.sampled_from(SPACINGS))
def test_padding_changes_nothing_but_true_negatives(pair, margin, spacing):
    before, after = scored(*pair, spacing), scored(*(np.pad(mask, margin) for mask in pair), spacing)
    for name in ("Specificity", "NPV"):
        assert after.pop(name) >= before.pop(name)
    assert after == pytest.approx(before, nan_ok=True)


@given(mask_pairs(margin=1))
def test_exchanging_the_masks_exchanges_the_measures(pair):
    one, other = scored(*pair), scored(*pair[::-1])
    for name in ("Jaccard", "Dice", "HausdorffDistance", "ContourMeanDistance"):
        assert one[name] == pytest.approx(other[name])
    assert one["Sensitivity"] == other["PPV"]
    assert one["SensL"] == pytest.approx(other["PPVL"]) or math.isnan(one["SensL"])


@given(mask_pairs())
def test_a_mask_against_itself(pair):
    measures = scored(pair[0], pair[0], min_volume_mm3=0)
    assert {measures[name] for name in (*SEGMENTATION[:6], "PPVL", "SensL", "F1_score")} == {1.0}
    assert {measures[name] for name in MEASURES[6:10]} == {0.0}


def test_memory_order_does_not_matter():
    rng = np.random.default_rng(0)
    pair = [rng.random((9, 10, 11)) > 0.7 for _ in range(2)]
    assert scored(*pair) == scored(*(np.asfortranarray(mask) for mask in pair))


@pytest.mark.parametrize(
    "values", [{"min_volume_mm3": -1}, {"min_overlap": 0}, {"max_false_positive": 1.1}, {"moderator": math.nan}]
)
def test_thresholds_outside_of_what_the_tool_takes(values):
    with pytest.raises(ConfigError, match=r"-[vxyz]: found"):
        Thresholds(**values)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="differ"):
        scored(np.ones((3, 3, 3)), np.ones((3, 3, 4)))
