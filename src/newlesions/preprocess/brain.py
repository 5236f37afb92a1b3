"""Brain extraction from a FLAIR, without any download: atlas and intensities together.

1. A rough brain by intensity: the large bright thing deep inside the head, cut from scalp and muscle by an opening.
2. The MNI152 template, as FLAIR, is brought to it: affine from several starts, then deformable (SyN). Registering to
   the rough brain rather than to the head keeps a bright scalp from pulling the template outwards.
3. At the brain's edge the intensities decide, within a few millimetres of the template's edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from newlesions.errors import InputError
from newlesions.images.grid import coarser_grid, isotropic_grid
from newlesions.images.morphology import (
    Mask,
    bounding_box,
    close,
    dilate,
    erode,
    largest_component,
    signed_distance,
)
from newlesions.images.resample import resample
from newlesions.images.transforms import read_itk
from newlesions.images.volume import Affine, Grid, Volume, apply_affine
from newlesions.preprocess.ants_images import SEED, load_ants, scratch, to_ants, write_start
from newlesions.preprocess.bias import head_mask
from newlesions.preprocess.template import load_template

_COARSE = 2.0  # mm, for the rough brain and the registration
_FINE = 1.0  # mm, for the edge
_BRAIN_ML = (600.0, 2300.0)  # below and above: not an adult's brain


@dataclass(frozen=True)
class EdgeSettings:
    """How intensities decide at the brain's edge. Lengths in mm, intensities relative to the brain's median."""

    darkest: float = 0.5
    brightest: float = 2.2
    reach: float = 2.0
    certain: float = 6.0
    opening: float = 5.0
    closing: float = 6.0
    rim: float = 1.0
    smoothing: float = 2.0


@dataclass(frozen=True)
class Brain:
    """A brain mask on the scan's own grid, bool (I, J, K), and the affine (4x4) from the scan's to MNI's RAS mm."""

    mask: Volume
    mni_from_scan: Affine

    @property
    def volume_ml(self) -> float:
        """The mask's volume in ml."""
        return float(self.mask.data.sum() * self.mask.voxel_volume / 1000)


def extract_brain(
    volume: Volume, edge: EdgeSettings = EdgeSettings(), starts: tuple[float, ...] = (0, -20, 20)
) -> Brain:
    """Find the brain of a bias-corrected FLAIR.

    Parameters
    ----------
    volume
        The scan, float32, any grid and intensity scale.
    edge
        How intensities decide at the edge.
    starts
        Pitches in degrees of the head from which the affine registration starts.

    Raises
    ------
    InputError
        If nothing of a brain's size is found.
    """
    coarse = resample(volume, coarser_grid(volume.grid, _COARSE), order=1)
    rough, level = rough_brain(coarse)
    check_size(rough, coarse.grid)
    relative = coarse.with_data(coarse.data / level)
    mni_from_scan, atlas = _fit_template(relative, rough, starts)
    grid = _box_grid(atlas, _FINE)
    fine = resample(volume, grid, order=1)
    inside_view = resample(volume.with_data(np.ones_like(volume.data)), grid, order=0).data > 0
    refined = refine_edge(fine.data / level, resample(atlas, grid, order=1).data > 0.5, inside_view, _FINE, edge)
    own = resample(Volume(refined.astype(np.float32), grid.affine), volume.grid, order=1)
    mask = largest_component(own.data >= 0.5)
    check_size(mask, volume.grid)
    return Brain(volume.with_data(mask), mni_from_scan)


def locate_brain(volume: Volume, mask: Volume, starts: tuple[float, ...] = (0, -20, 20)) -> Brain:
    """Complete a brain mask that somebody else has made, on the grid of ``volume``, with its affine to MNI."""
    grid = coarser_grid(volume.grid, _COARSE)
    coarse = resample(volume, grid, order=1)
    inside = resample(mask.with_data(mask.data.astype(np.float32)), grid, order=1).data >= 0.5
    check_size(inside, grid)
    relative = coarse.with_data(coarse.data / np.median(coarse.data[inside]))
    return Brain(mask, _fit_affine(relative, inside, starts))


def otsu_brain(volume: Volume, opening: float = 4.0) -> Volume:
    """A quick and rough brain mask (bool, grid of ``volume``): the largest thing above Otsu's threshold.

    Cabezas et al. (MSSEG-2 proceedings p. 108): the threshold; an "erosion to remove regions connected to the brain
    (skin and fat around the skull)"; the largest component; dilation; holes, as the ventricles, filled. They take the
    intersection of both visits first; here that of their masks is taken later, on the working grid.

    Parameters
    ----------
    volume
        A bias-corrected FLAIR.
    opening
        Radius of the erosion and of the dilation, mm, which the paper does not state.

    Raises
    ------
    InputError
        If nothing is as thick as that.
    """
    from skimage.filters import threshold_otsu

    # A bright scalp would draw the threshold up, into the brain.
    level = threshold_otsu(np.minimum(volume.data, np.percentile(volume.data, 99)))
    core = erode(volume.data > level, opening, volume.spacing)
    if not core.any():
        raise InputError("image", "nothing thick above Otsu's threshold", "a FLAIR of a head")
    grown = dilate(largest_component(core), opening, volume.spacing)
    return volume.with_data(np.asarray(ndimage.binary_fill_holes(grown)))


def rough_brain(volume: Volume) -> tuple[Mask, float]:
    """The brain by intensity alone, on a coarse isotropic RAS grid, and the median intensity of the brain.

    Raises
    ------
    InputError
        If there is no head, or nothing bright deep inside it.
    """
    data, spacing = volume.data, volume.spacing
    head = largest_component(ndimage.binary_opening(head_mask(volume)))
    head = ndimage.binary_fill_holes(close(head, 3 * _COARSE, spacing))
    deep = _deep_inside(head, spacing)
    if not deep.any():
        raise InputError("image", "no head that is deep enough to hold a brain", "a FLAIR of a head")
    level = float(np.median(data[deep]))
    level = float(np.median(data[deep & (data > level / 2)]))
    bright = (data > 0.6 * level) & (data < 2.5 * level)
    labels, count = ndimage.label(erode(bright, 4.0, spacing))
    if count == 0:
        raise InputError("image", "nothing bright inside the head", "a FLAIR of a head")
    depth = np.bincount(labels[deep], minlength=count + 1)
    depth[0] = 0
    core = labels == depth.argmax()
    return close(dilate(core, 6.0, spacing) & bright, 4.0, spacing), level


def refine_edge(intensity: np.ndarray, atlas: Mask, view: Mask, spacing: float, edge: EdgeSettings) -> Mask:
    """Let intensities move the atlas's edge.

    Parameters
    ----------
    intensity
        The scan relative to the brain's median, (I, J, K), cubic voxels of ``spacing`` mm.
    atlas
        The template's brain, brought to the scan.
    view
        Where the scan has voxels.

    Returns
    -------
    Mask
        Bright voxels near or inside the atlas, opened so that bridges to scalp and orbit break, closed over the sulci,
        with a thin rim and a smooth surface.
    """
    distance = signed_distance(atlas, spacing)
    near = distance > -edge.reach
    tissue = (intensity > edge.darkest) & (intensity < edge.brightest) & near
    tissue |= (distance > edge.certain) & view
    core = largest_component(erode(tissue, edge.opening, spacing))
    tissue &= dilate(core, edge.opening + spacing / 2, spacing)
    closed = close(tissue, edge.closing, spacing) & near & view
    rim = dilate(closed, edge.rim, spacing).astype(np.float32)
    smooth = ndimage.gaussian_filter(rim, edge.smoothing / spacing) > 0.5
    return np.asarray(ndimage.binary_fill_holes(smooth)) & view


def check_size(mask: Mask, grid: Grid) -> None:
    """Raise InputError if ``mask`` cannot be an adult's brain."""
    volume = float(mask.sum() * grid.voxel_volume / 1000)
    if not _BRAIN_ML[0] <= volume <= _BRAIN_ML[1]:
        low, high = _BRAIN_ML
        raise InputError("image", f"a brain of {volume:.0f} ml", f"{low:.0f} to {high:.0f} ml: is this a head FLAIR?")


def _deep_inside(head: Mask, spacing: np.ndarray) -> Mask:
    """Voxels 35 mm below the skin in their own axial slice, down to 100 mm below the top: nearly all brain."""
    deep = np.zeros_like(head)
    top = int(np.flatnonzero(head.any(axis=(0, 1))).max(initial=0))
    for k in range(max(0, top - int(100 / spacing[2])), top + 1):
        slice_ = np.pad(head[:, :, k], 1)
        deep[:, :, k] = ndimage.distance_transform_edt(slice_, sampling=spacing[:2])[1:-1, 1:-1] > 35
    return deep


def _box_grid(atlas: Volume, spacing: float) -> Grid:
    box = bounding_box(atlas.data > 0.3, margin=5)
    corners = np.array([[side.start, side.stop - 1] for side in box], dtype=float)
    ends = np.array(np.meshgrid(*corners, indexing="ij")).reshape(3, -1).T
    return isotropic_grid(apply_affine(atlas.affine, ends), spacing)


def _masked(relative: Volume, brain: Mask) -> Volume:
    """What the template is registered to: the brain and 4 mm around it, without scalp, without outliers."""
    surroundings = dilate(brain, 4.0, relative.spacing)
    return relative.with_data((np.clip(relative.data, 0, 2) * surroundings).astype(np.float32))


def _fit_affine(relative: Volume, brain: Mask, starts: tuple[float, ...]) -> Affine:
    """The affine from the scan's RAS mm to MNI's: the best of several short registrations, continued."""
    ants = load_ants()
    template = load_template(_COARSE)
    fixed, moving = to_ants(_masked(relative, brain)), to_ants(template.flair)
    centre = apply_affine(relative.affine, np.argwhere(brain)).mean(axis=0)
    template_centre = apply_affine(template.brain.affine, np.argwhere(template.brain.data > 0.5)).mean(axis=0)
    common = {"aff_metric": "mattes", "aff_sampling": 32, "random_seed": SEED}
    with scratch() as folder:
        tried = []
        for pitch in starts:
            start = write_start(folder, _start(centre, template_centre, pitch), f"start{pitch:g}")
            short = ants.registration(
                fixed, moving, "Affine", initial_transform=start, outprefix=f"{folder}/short{pitch:g}_",
                aff_random_sampling_rate=0.5, aff_iterations=(60,), aff_shrink_factors=(4,), aff_smoothing_sigmas=(2,),
                **common,
            )  # fmt: skip
            warped = ants.apply_transforms(fixed, moving, short["fwdtransforms"])
            tried.append((ants.image_mutual_information(fixed, warped), short["fwdtransforms"][0]))
        best = min(tried)[1]  # ANTs returns minus the mutual information
        final = ants.registration(
            fixed, moving, "Affine", initial_transform=best, outprefix=f"{folder}/affine_",
            aff_random_sampling_rate=0.2, aff_iterations=(200, 100), aff_shrink_factors=(3, 2),
            aff_smoothing_sigmas=(2, 1), **common,
        )  # fmt: skip
        return read_itk(final["fwdtransforms"][0])


def _fit_template(relative: Volume, brain: Mask, starts: tuple[float, ...]) -> tuple[Affine, Volume]:
    """The affine to MNI, and the template's brain carried to the scan's coarse grid by affine and SyN, in [0, 1]."""
    ants = load_ants()
    mni_from_scan = _fit_affine(relative, brain, starts)
    template = load_template(_COARSE)
    fixed = to_ants(_masked(relative, brain))
    with scratch() as folder:
        warp = ants.registration(
            fixed, to_ants(template.flair), "SyNOnly", initial_transform=write_start(folder, mni_from_scan),
            outprefix=f"{folder}/syn_", syn_metric="mattes", syn_sampling=32, reg_iterations=(40, 20, 0),
            grad_step=0.2, flow_sigma=3, total_sigma=0, random_seed=SEED,
        )  # fmt: skip
        atlas = ants.apply_transforms(fixed, to_ants(template.brain), warp["fwdtransforms"]).numpy()
    return mni_from_scan, relative.with_data(atlas.astype(np.float32))


def _start(centre: np.ndarray, template_centre: np.ndarray, pitch: float) -> Affine:
    """A first guess of the matrix from the scan to MNI: centres on each other, the head pitched by some degrees."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("x", pitch, degrees=True).as_matrix()
    matrix[:3, 3] = template_centre - matrix[:3, :3] @ centre
    return matrix
