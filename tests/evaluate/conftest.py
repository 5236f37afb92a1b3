from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from evaluate.masks_of import boxes

AFFINE = np.array([[-2.0, 0, 0, 30], [0, 1, 0, -10], [0, 0, 1, 5], [0, 0, 0, 1]])
GRID = (20, 20, 20)


@pytest.fixture
def save(tmp_path):
    """Saves boxes as a mask on one grid under a name and returns the path."""

    def save(name, *corners, value=1, kind=np.uint8, affine=AFFINE):
        path = tmp_path / f"{name}.nii.gz"
        nib.save(nib.Nifti1Image((boxes(GRID, *corners) * value).astype(kind), affine), path)
        return path

    return save
