from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from cohort.heads import save
from newlesions.cohort.checks import check_scan
from newlesions.cohort.wraparound import wrapped_voxels
from newlesions.errors import InputError


def smooth_head(shape: tuple[int, int, int] = (64, 64, 48)) -> np.ndarray:
    """Values in [0, 1] with edges that are as soft as a scanner's."""
    axes = np.ogrid[tuple(slice(-1, 1, complex(0, size)) for size in shape)]
    inside = (sum((axis / 0.8) ** 2 for axis in axes) < 1).astype(float)
    texture = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=shape), 2)
    values = ndimage.gaussian_filter(inside * (0.6 + texture / texture.std() / 8), 0.8)
    return np.clip((values - values.min()) / (values.max() - values.min()), 0, 1)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint16", "int32"])
def test_full_range_is_no_overflow_and_beyond_it_is_one(dtype: str) -> None:
    info = np.iinfo(dtype)
    values = smooth_head()
    full = np.rint(info.min + values * (float(info.max) - float(info.min))).clip(info.min, info.max)
    assert wrapped_voxels(full.astype(np.int64).astype(dtype)) == 0
    beyond = np.rint(values * info.max * 1.4).astype(np.int64)
    assert wrapped_voxels(beyond.astype(dtype)) > 50


def test_clipped_at_the_top_is_no_overflow() -> None:
    values = np.clip(smooth_head() * 1.4, 0, 1)
    assert wrapped_voxels(np.rint(values * 255).astype(np.uint8)) == 0


def test_negative_values_in_an_unsigned_type() -> None:
    values = np.rint(smooth_head() * 1000).astype(np.int64)
    values[np.random.default_rng(1).random(values.shape) < 0.002] = -3
    assert wrapped_voxels(values.astype(np.uint16)) > 50


def test_wide_integers_are_left() -> None:
    assert wrapped_voxels(np.zeros((4, 4, 4), np.int64)) == 0


def test_the_scan_is_refused(tmp_path: Path) -> None:
    data = (smooth_head() * 45_000).astype(np.int64).astype(np.int16)
    with pytest.raises(InputError, match="voxels where int16 numbers have overflowed"):
        check_scan(save(tmp_path / "a.nii", data, np.diag([3.0, 3.0, 3.0, 1.0])))


def test_real_scans_at_full_range(shared_data: Path) -> None:
    for name in (
        "open_ms/sub-04/ses-1/anat/sub-04_ses-1_FLAIR",
        "single_timepoint/sub-oms07/sub-oms07_space-MNI_FLAIR",
    ):
        data = check_scan(shared_data / f"{name}.nii.gz")[0].data
        clipped = np.clip(data / np.percentile(data, 99.5), 0, 1)
        assert wrapped_voxels(np.rint(clipped * 255).astype(np.uint8)) <= 50
        assert wrapped_voxels(np.rint(clipped * 65535 - 32768).astype(np.int16)) <= 50
        assert wrapped_voxels((data / data.max() * 65534).astype(np.int64).astype(np.int16)) > 50
