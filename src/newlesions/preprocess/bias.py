"""The smooth intensity bias of one scan, by N4 (Tustison 2010) from ANTs, estimated on a coarse isotropic grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from newlesions.errors import InputError
from newlesions.images.grid import coarser_grid
from newlesions.images.resample import resample
from newlesions.images.volume import Volume
from newlesions.preprocess.ants_images import load_ants, to_ants


@dataclass(frozen=True)
class N4Settings:
    """What N4 is told.

    Attributes
    ----------
    spacing
        Voxel size in mm of the isotropic grid on which the field is estimated.
    iterations
        The most iterations at each level of the B-spline mesh; each level halves the mesh.
    tolerance
        Convergence threshold.
    fwhm
        Width of the histogram's sharpening kernel.
    spline_mm
        Distance of the coarsest mesh's knots in mm.
    """

    spacing: float
    iterations: tuple[int, ...]
    tolerance: float
    fwhm: float
    spline_mm: float


PRESETS = {
    "fast": N4Settings(spacing=5.0, iterations=(30, 30), tolerance=1e-4, fwhm=0.15, spline_mm=200.0),
    # Proceedings p. 2: "convergence=0.0001, FWHM=0.05 and 1000 iterations". Chosen, since the paper is silent: 4 mm
    # (N4's own default works on a shrunken image too; at 2 mm a scan takes minutes) and one level.
    "prados2021": N4Settings(spacing=4.0, iterations=(1000,), tolerance=1e-4, fwhm=0.05, spline_mm=200.0),
    # Proceedings p. 108: "the default parameters, except for the number of iterations (400) and the number of
    # resolution levels (3)". SimpleITK's tolerance and width; the grid and the mesh are chosen as above.
    "cabezas2021": N4Settings(spacing=4.0, iterations=(400, 400, 400), tolerance=1e-3, fwhm=0.15, spline_mm=200.0),
}


def correct_bias(volume: Volume, settings: N4Settings) -> Volume:
    """Divide ``volume`` by its bias field; the median inside the head stays.

    Raises
    ------
    InputError
        If no head stands out from the background.
    """
    return corrected_by(volume, bias_field(volume, settings))


def corrected_by(volume: Volume, field: Volume) -> Volume:
    """``volume`` divided by a multiplicative ``field`` on its grid; what is negative becomes 0."""
    return volume.with_data(np.maximum(volume.data, 0) / field.data)


def field_to_show(field: Volume, spacing: float = 8.0) -> Volume:
    """A bias field on a grid of about ``spacing`` mm: it is smooth, so nothing is lost but size."""
    return resample(field, coarser_grid(field.grid, spacing), order=1)


def bias_field(volume: Volume, settings: N4Settings) -> Volume:
    """The multiplicative bias field on the grid of ``volume``, float32, with median 1 over the head."""
    coarse = resample(volume, coarser_grid(volume.grid, settings.spacing), order=1)
    head = head_mask(coarse)
    if head.sum() * coarse.voxel_volume < 1e5:
        raise InputError("image", "no head that stands out from the background", "a FLAIR of a head")
    log_field = _n4_log_field(coarse, head, settings)
    log_field -= np.median(log_field[head])
    fine = resample(coarse.with_data(log_field), volume.grid, order=3)
    return fine.with_data(np.exp(fine.data))


def head_mask(volume: Volume) -> np.ndarray:
    """The voxels that are brighter than air, bool (I, J, K): half of Otsu's threshold over the non-zero voxels."""
    from skimage.filters import threshold_otsu

    positive = volume.data[volume.data > 0]
    if positive.size == 0:
        return np.zeros(volume.data.shape, dtype=bool)
    clipped = np.minimum(positive, np.percentile(positive, 99))
    return volume.data > threshold_otsu(clipped) / 2


def _n4_log_field(volume: Volume, mask: np.ndarray, settings: N4Settings) -> np.ndarray:
    """N4's field as logarithm. Called below ants.n4_bias_field_correction, which does not offer the kernel's width."""
    ants = load_ants()
    from ants.internal import get_lib_fn, get_pointer_string

    image = to_ants(volume.with_data(np.maximum(volume.data, 0)))
    weights = to_ants(volume.with_data(mask.astype(np.float32))).clone("unsigned int")
    corrected, field = ants.image_clone(image), ants.image_clone(image)
    iterations = "x".join(str(n) for n in settings.iterations)
    get_lib_fn("N4BiasFieldCorrection")(
        [
            *("-d", "3", "-i", get_pointer_string(image), "-x", get_pointer_string(weights), "-s", "1"),
            *("-c", f"[{iterations},{settings.tolerance}]", "-b", f"[{settings.spline_mm}]"),
            *("-t", f"[{settings.fwhm},0.01,200]"),
            *("-o", f"[{get_pointer_string(corrected)},{get_pointer_string(field)}]"),
        ]
    )
    return np.log(np.maximum(field.numpy(), 1e-3))
