"""What is left between two registered visits, as a smooth deformation: SyN (Avants 2008) from ANTs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.images.grid import coarser_grid
from newlesions.images.morphology import Mask, dilate
from newlesions.images.resample import Displacement, resample
from newlesions.images.volume import Volume
from newlesions.preprocess.ants_images import SEED, load_ants, scratch, to_ants, write_start

SYN = "syn"
"""The value of ``resample.deform``."""

_SURROUNDINGS = 4.0  # mm around the brain that the registration sees
_ITERATIONS = (20, 10, 5)  # at a quarter, at half and at the whole of the grid
_RADIUS = 2  # voxels of the cross-correlation's window


def deformation(fixed: Volume, moving: Volume, brain: Mask, spacing_mm: float) -> Displacement:
    """By how much a point of ``fixed`` is displaced in ``moving``.

    Symmetric diffeomorphic registration with cross-correlation, of the brains alone.

    Parameters
    ----------
    fixed, moving
        Two registered scans on one grid, float32.
    brain
        The brain that both show, (I, J, K).
    spacing_mm
        The voxel of the grid on which the field is found: at 2 mm it takes about a minute of CPU.

    Returns
    -------
    Displacement
        On that coarser grid, 0 far from the brain.
    """
    ants = load_ants()
    grid = coarser_grid(fixed.grid, spacing_mm)
    inside = resample(Volume(brain.astype(np.float32), fixed.affine), grid, order=1).data >= 0.5
    seen = dilate(inside, _SURROUNDINGS, spacing_mm)
    images = []
    for scan in (fixed, moving):
        coarse = resample(scan, grid, order=1)
        level = float(np.median(coarse.data[inside]))
        images.append(to_ants(coarse.with_data((np.clip(coarse.data / level, 0, 2) * seen).astype(np.float32))))
    with scratch() as folder:
        found = ants.registration(
            *images, "SyNOnly", initial_transform=write_start(folder, np.eye(4)), outprefix=f"{folder}/syn_",
            syn_metric="CC", syn_sampling=_RADIUS, reg_iterations=_ITERATIONS, grad_step=0.2, flow_sigma=3,
            total_sigma=0, random_seed=SEED,
        )  # fmt: skip
        (warp,) = [path for path in found["fwdtransforms"] if path.endswith(".nii.gz")]
        field = read_field(warp)
    # ITK's LPS to RAS. The background has no contrast to hold the field; its edge is smooth.
    field = field * np.array([-1, -1, 1], np.float32)
    edge = ndimage.gaussian_filter(dilate(seen, _SURROUNDINGS, spacing_mm).astype(np.float32), 1.0)
    return Displacement((field * edge[..., None]).astype(np.float32), grid.affine)


def read_field(path: str) -> NDArray[np.float32]:
    """The vectors of ITK's field, (I, J, K, 3), LPS mm."""
    import nibabel

    return np.asarray(nibabel.load(path).dataobj, np.float32)[:, :, :, 0]
