from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from newlesions.errors import InputError
from newlesions.images.volume import Volume
from newlesions.preprocess.bias import PRESETS, N4Settings, bias_field, correct_bias, head_mask

SHAPE, SPACING = (36, 44, 30), 5.0


def head() -> tuple[Volume, np.ndarray, np.ndarray]:
    """Two tissues and fluid in air on a 5 mm grid, with 2 % noise; the field that belongs on it; where tissue is."""
    axes = np.ogrid[tuple(slice(-1, 1, complex(0, size)) for size in SHAPE)]
    x, y, z = axes
    radius = np.sqrt(sum((axis / 0.85) ** 2 for axis in axes))
    folds = np.sin(9 * x) + np.sin(8 * y + 1) + np.sin(7 * z + 2)
    tissue = np.where(folds > 0.3, 120.0, 100.0)
    image = np.where(radius < 1, np.where(radius < 0.25, 25.0, tissue), 0.0)
    image = image + np.random.default_rng(0).normal(0, 2, SHAPE) * (radius < 1)
    field = np.exp(0.25 * x - 0.2 * y + 0.15 * (z**2 - 0.3))
    return (
        Volume(image.astype(np.float32), np.diag([-SPACING, SPACING, SPACING, 1.0])),
        field,
        tissue * ((radius > 0.3) & (radius < 0.95)),
    )


def spread(image: np.ndarray, tissue: np.ndarray) -> float:
    """Coefficient of variation inside one tissue."""
    values = image[tissue == 100]
    return float(values.std() / values.mean())


def check_flattened(settings: N4Settings, left: float) -> None:
    """At most ``left`` of the variation that the field adds to one tissue is still there."""
    clean, field, tissue = head()
    scan = clean.with_data((clean.data * field).astype(np.float32))
    found = bias_field(scan, settings).data
    inside = tissue > 0
    assert np.corrcoef(np.log(found[inside]), np.log(field[inside]))[0, 1] > 0.95
    floor = spread(clean.data, tissue)
    assert spread(scan.data / found, tissue) - floor < left * (spread(scan.data, tissue) - floor)
    assert np.median(found[head_mask(scan)]) == pytest.approx(1, abs=0.02)


def test_a_known_field_is_flattened() -> None:
    check_flattened(PRESETS["fast"], left=0.05)


@pytest.mark.slow
def test_a_known_field_is_flattened_with_the_settings_of_the_paper() -> None:
    check_flattened(PRESETS["prados2021"], left=0.15)


def test_the_width_of_the_kernel_reaches_n4() -> None:
    # The paper's sharper kernel takes smaller steps: after as many iterations it has flattened less.
    clean, field, tissue = head()
    scan = clean.with_data((clean.data * field).astype(np.float32))
    wide = N4Settings(spacing=6.0, iterations=(50,), tolerance=1e-4, fwhm=0.15, spline_mm=200.0)
    left = [spread(scan.data / bias_field(scan, replace(wide, fwhm=fwhm)).data, tissue) for fwhm in (0.15, 0.05)]
    assert left[0] < left[1] < spread(scan.data, tissue)


def test_the_preset_of_the_paper_is_not_the_fast_one() -> None:
    assert PRESETS["prados2021"].tolerance == 1e-4
    assert PRESETS["prados2021"].fwhm == 0.05
    assert PRESETS["prados2021"].iterations == (1000,)
    assert sum(PRESETS["fast"].iterations) < 1000


def test_correction_divides_by_the_field_and_knows_no_negative_values() -> None:
    clean, field, _ = head()
    scan = clean.with_data((clean.data * field).astype(np.float32))
    scan.data[0, 0, 0] = -5
    settings = replace(PRESETS["fast"], iterations=(5,))
    corrected, found = correct_bias(scan, settings), bias_field(scan, settings)
    np.testing.assert_allclose(corrected.data, np.maximum(scan.data, 0) / found.data, rtol=1e-5)
    assert corrected.data[0, 0, 0] == 0
    assert corrected.data.dtype == np.float32
    again = correct_bias(scan, settings)
    np.testing.assert_array_equal(corrected.data, again.data)


def test_head_mask_separates_tissue_from_air() -> None:
    clean, _, tissue = head()
    rng = np.random.default_rng(1)
    scan = clean.with_data(np.maximum(clean.data, np.abs(rng.normal(0, 5, SHAPE))).astype(np.float32))
    mask = head_mask(scan)
    assert mask[tissue > 0].mean() > 0.95
    assert mask[clean.data == 0].mean() < 0.01


@pytest.mark.parametrize("value", [0.0, -3.0])
def test_an_image_without_a_head_is_refused(value: float) -> None:
    empty = Volume(np.full(SHAPE, value, dtype=np.float32), np.diag([SPACING, SPACING, SPACING, 1.0]))
    with pytest.raises(InputError, match="no head"):
        bias_field(empty, PRESETS["fast"])
