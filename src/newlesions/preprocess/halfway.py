"""The halfway space of a pair: a rigid registration that does not care which visit comes first (Reuter 2010).

Both directions are registered and averaged in the Lie algebra; each scan is then carried over by half the transform,
so that both get the same interpolation blur.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import expm, logm

from newlesions.errors import InputError
from newlesions.images.grid import Edges, isotropic_grid, ras_grid
from newlesions.images.morphology import Mask, dilate
from newlesions.images.resample import resample
from newlesions.images.transforms import half, inverse_consistent, read_itk, rms_distance
from newlesions.images.volume import Affine, Grid, Volume, apply_affine
from newlesions.preprocess.ants_images import SEED, load_ants, scratch, to_ants, write_start

_SURROUNDINGS = 4.0  # mm around the brain that the registration may see: the edge against fluid and skull helps


@dataclass(frozen=True)
class Visit:
    """One visit of a pair: the bias-corrected scan, its brain (bool, same grid), and the affine from it to MNI."""

    image: Volume
    brain: Volume
    mni_from_scan: Affine


@dataclass(frozen=True)
class Halfway:
    """Matrices (4x4, RAS mm) of a pair and how well the registration went.

    ``inverse_consistency_mm`` is the RMS distance over the brain between the two directions before they are averaged;
    ``correlation`` is that of the two brains' intensities, ``brain_overlap`` the Dice of the two brain masks.
    """

    baseline_from_halfway: Affine
    followup_from_halfway: Affine
    mni_from_halfway: Affine
    inverse_consistency_mm: float
    correlation: float
    brain_overlap: float


def find_halfway(baseline: Visit, followup: Visit, *, aligned: bool = False) -> Halfway:
    """Register a pair into its halfway space. Exchanging the visits exchanges the two matrices and nothing else.

    With ``aligned`` the scans already share one space, which is then the halfway space.
    """
    if aligned:
        followup_from_baseline, gap = np.eye(4), 0.0
    else:
        forward = register_rigid(baseline, followup)
        backward = register_rigid(followup, baseline)
        followup_from_baseline = inverse_consistent(forward, backward)
        gap = rms_distance(forward, np.asarray(np.linalg.inv(backward)), brain_points(baseline.brain))
    to_followup = half(followup_from_baseline)
    to_baseline = half(np.asarray(np.linalg.inv(followup_from_baseline)))
    mni = mean_affine(baseline.mni_from_scan @ to_baseline, followup.mni_from_scan @ to_followup)
    correlation, overlap = agreement(baseline, followup, to_baseline, to_followup)
    return Halfway(to_baseline, to_followup, mni, gap, correlation, overlap)


def check_same_head(halfway: Halfway, pair: str, *, min_correlation: float, max_distance_mm: float) -> None:
    """Raise InputError if the two scans do not fit each other: two different heads, or a registration that failed."""
    if halfway.correlation < min_correlation:
        raise InputError(
            pair,
            f"two brains that do not fit each other (correlation {halfway.correlation:.2f} after registration)",
            f"two scans of one head (at least {min_correlation:.2f})",
        )
    if halfway.inverse_consistency_mm > max_distance_mm:
        raise InputError(
            pair,
            f"registrations that differ by {halfway.inverse_consistency_mm:.1f} mm between the two directions",
            f"two scans of one head (at most {max_distance_mm:.1f} mm)",
        )


def register_rigid(fixed: Visit, moving: Visit) -> Affine:
    """The rigid matrix from the RAS mm of ``fixed`` to those of ``moving``.

    It starts where both scans' affines to MNI put it, and sees brains only: first coarsely with what surrounds them,
    then refined. The start makes any difference in pose between the visits harmless.
    """
    ants = load_ants()
    start = nearest_rigid(np.linalg.inv(moving.mni_from_scan) @ fixed.mni_from_scan, brain_points(fixed.brain))
    images = [to_ants(_brain_image(visit)) for visit in (fixed, moving)]
    with scratch() as folder:
        registered = ants.registration(
            *images, "Rigid", initial_transform=write_start(folder, start), outprefix=f"{folder}/rigid_",
            aff_metric="mattes", aff_sampling=32, aff_random_sampling_rate=0.2, grad_step=0.1,
            aff_iterations=(100, 50, 20), aff_shrink_factors=(4, 2, 1), aff_smoothing_sigmas=(2, 1, 0.5),
            random_seed=SEED,
        )  # fmt: skip
        return orthonormal(read_itk(registered["fwdtransforms"][0]))


def agreement(
    baseline: Visit, followup: Visit, to_baseline: Affine, to_followup: Affine, spacing: float = 2.0
) -> tuple[float, float]:
    """Correlation of the intensities inside both brains, and Dice of the brains, in halfway space at ``spacing`` mm."""
    grid = brain_grid(baseline.brain, followup.brain, to_baseline, to_followup, spacing)
    pairs = ((baseline, to_baseline), (followup, to_followup))
    images = [resample(visit.image, grid, matrix, order=1).data for visit, matrix in pairs]
    brains = [mask_on(visit.brain, grid, matrix) for visit, matrix in pairs]
    views = [mask_on(view_of(visit.image), grid, matrix) for visit, matrix in pairs]
    seen = views[0] & views[1]
    both = brains[0] & brains[1]
    if not both.any():
        return 0.0, 0.0
    sizes = (brains[0] & seen).sum() + (brains[1] & seen).sum()
    before, after = (np.clip(image[both], 0, 2 * np.median(image[both])) for image in images)
    return float(np.corrcoef(before, after)[0, 1]), float(2 * both.sum() / sizes)


def brain_grid(
    baseline: Volume, followup: Volume, to_baseline: Affine, to_followup: Affine, spacing: Edges, margin: float = 10.0
) -> Grid:
    """The RAS grid in halfway space, of voxels of ``spacing`` mm, that holds both brains and ``margin`` mm around."""
    points = [
        apply_affine(np.asarray(np.linalg.inv(matrix)), brain_points(brain))
        for brain, matrix in ((baseline, to_baseline), (followup, to_followup))
    ]
    return ras_grid(np.concatenate(points), spacing, margin)


def mask_on(mask: Volume, grid: Grid, matrix: Affine) -> Mask:
    """A mask carried onto ``grid``: at least half inside, by linear interpolation."""
    return resample(mask.with_data(mask.data.astype(np.float32)), grid, matrix, order=1).data >= 0.5


def view_of(volume: Volume) -> Volume:
    """Ones where the volume has voxels."""
    return volume.with_data(np.ones(volume.data.shape, dtype=np.float32))


def brain_points(brain: Volume, spacing: float = 4.0) -> np.ndarray:
    """Points in RAS mm about ``spacing`` mm apart that fill ``brain``, shape (n, 3)."""
    steps = np.maximum(np.round(spacing / brain.spacing), 1).astype(int)
    return apply_affine(brain.affine, np.argwhere(brain.data[:: steps[0], :: steps[1], :: steps[2]]) * steps)


def mean_affine(a: Affine, b: Affine) -> Affine:
    """The log-Euclidean mean of two affines, the same for both orders."""
    return np.asarray(np.real(expm((np.real(logm(a)) + np.real(logm(b))) / 2)))


def nearest_rigid(matrix: Affine, points: np.ndarray) -> Affine:
    """The rigid matrix that is nearest to ``matrix`` over ``points``, shape (n, 3), in least squares."""
    mapped = apply_affine(matrix, points)
    centre, image = points.mean(axis=0), mapped.mean(axis=0)
    u, _, v = np.linalg.svd((mapped - image).T @ (points - centre))
    rigid = np.eye(4)
    rigid[:3, :3] = u @ np.diag([1, 1, np.linalg.det(u @ v)]) @ v
    rigid[:3, 3] = image - rigid[:3, :3] @ centre
    return rigid


def orthonormal(matrix: Affine) -> Affine:
    """``matrix`` with its rotation freed from rounding: ITK stores single precision."""
    u, _, v = np.linalg.svd(matrix[:3, :3])
    result = matrix.copy()
    result[:3, :3] = u @ v
    return result


def _brain_image(visit: Visit, spacing: float = 1.5) -> Volume:
    """The scan relative to its brain's median, cut to the brain and what surrounds it, on a RAS grid of ``spacing``."""
    brain = visit.brain
    level = float(np.median(visit.image.data[brain.data]))
    grid = isotropic_grid(brain_points(brain), spacing, 2 * _SURROUNDINGS)
    surroundings = dilate(mask_on(brain, grid, np.eye(4)), _SURROUNDINGS, spacing)
    image = resample(visit.image, grid, order=1)
    return image.with_data(np.clip(image.data / level, 0, 1.6) * surroundings)
