from __future__ import annotations

import math

import numpy as np
import pytest

from newlesions.errors import InputError
from newlesions.evaluate.additions import ADDITIONS
from newlesions.evaluate.pair import Inputs, Options, evaluate_pair

LARGE, SMALL, FAR = ((2, 6),) * 3, ((10, 12),) * 3, ((16, 18),) * 3


def test_the_fifteen_alone(save):
    result = evaluate_pair(Inputs("p", save("r", LARGE), save("m", LARGE)), Options(details=False))
    assert set(result) == {"pair", "measures"}
    assert result["measures"]["Dice"] == 1


def test_groups(save):
    inputs = Inputs("p", save("r", LARGE), save("m", LARGE))
    assert set(evaluate_pair(inputs, Options(groups=("F1_score",)))["measures"]) == {"PPVL", "SensL", "F1_score"}


def test_details(save):
    result = evaluate_pair(
        Inputs(
            "p",
            save("r", LARGE, SMALL),
            save("m", LARGE),
            probability=save("prob", LARGE, value=0.8, kind=np.float32),
            gone_reference=save("gr", FAR),
            gone_prediction=save("gp", FAR, SMALL),
            raters={"a": save("a", LARGE), "b": save("b", SMALL)},
            regions=save("atlas", LARGE, value=7),
        ),
        Options(region_names={7: "left"}),
    )
    assert set(result["additions"]) == set(ADDITIONS)
    assert [row["region"] for row in result["lesions"]] == ["left", "", "left"]
    assert result["gone"]["PPVL"] == 0.5
    assert [row["threshold"] for row in result["curves"]][-2:] == [0.99, "mask"]
    at = {row["threshold"]: row for row in result["curves"]}
    assert (at[0.8]["true"], at[0.8]["found"], at[0.8]["reference"]) == (1, 1, 2)
    assert at[0.85]["predicted"] == 0
    raters = {(row["reference"], row["prediction"]): row["Dice"] for row in result["raters"]}
    assert set(raters) == {
        ("consensus", "prediction"), ("a", "prediction"), ("b", "prediction"),
        ("consensus", "a"), ("consensus", "b"), ("a", "b"), ("b", "a"),
    }  # fmt: skip
    assert raters["a", "prediction"] == 1
    assert raters["a", "b"] == 0
    assert raters["consensus", "prediction"] == result["measures"]["Dice"]


def test_empty_reference_with_details(save):
    result = evaluate_pair(Inputs("p", save("r"), save("m", LARGE)))
    assert result["measures"] == {"NbTestedLesions": 1, "VolTestedLesions": 128}
    assert [row["hit"] for row in result["lesions"]] == [0]
    assert result["curves"][0]["predicted"] == 1
    assert result["gone"] is None
    assert result["raters"] == []


def test_a_map_as_prediction(save):
    inputs = Inputs("p", save("r", LARGE), save("m", LARGE, value=0.6, kind=np.float32))
    with pytest.raises(InputError, match=r"m\.nii\.gz: found a map of fractions"):
        evaluate_pair(inputs)
    assert evaluate_pair(inputs, Options(threshold=0.5))["measures"]["Dice"] == 1
    assert math.isnan(evaluate_pair(inputs, Options(threshold=0.7))["measures"]["PPV"])


@pytest.mark.parametrize("name", ["prediction", "probability", "gone_prediction", "regions", "rater"])
def test_every_image_must_lie_on_the_references_grid(save, name):
    there = save("there", LARGE, affine=np.diag([2.0, 1, 1, 1]))
    here = save("here", LARGE)
    files = {"prediction": here, "gone_reference": here, "gone_prediction": here}
    files |= {"raters": {"a": there}} if name == "rater" else {name: there}
    with pytest.raises(InputError, match=r"there\.nii\.gz: found a grid whose corners lie up to"):
        evaluate_pair(Inputs("p", here, **files))
