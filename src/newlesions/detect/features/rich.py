"""The features of `boosted`: appearance at several scales, what else explains a rise, and place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.detect.classes import lesion_like
from newlesions.detect.features.anatomy import PLACE_NAMES, place_features
from newlesions.detect.features.pair import Image, PairData
from newlesions.detect.features.region import brain_level
from newlesions.images.morphology import Mask, bounding_box

_SCALES = (0.0, 0.75, 1.5, 3.0, 6.0)  # SD of Gaussians, mm
_MARGIN_MM = 12.0  # of the box around the brain: what the widest Gaussians reach
_BIAS_MM = 10.0
_BIAS_OUTLIERS = 2.0  # in MAD: lesions must not count as bias
_FLUID = 0.5  # of the brain's median

_APPEARANCE = (
    *(f"{visit}_{scale:g}mm" for visit in ("baseline", "followup") for scale in _SCALES),
    *(f"difference_{scale:g}mm" for scale in _SCALES),
    "min_shift_1mm",
    "min_shift_2mm",
    "contrast_baseline",
    "contrast_followup",
    "contrast_difference",
    "blob_baseline",
    "blob_followup",
    "edge_baseline",
    "difference_over_edge",
    "local_sd_difference",
    "z_difference",
    "local_z_difference",
    "bias_residual",
    "noise",
    "fluid_near",
    "lesion_near_baseline",
    "lesion_near_followup",
    "slice_baseline_mm",
    "slice_followup_mm",
)
NAMES = (*_APPEARANCE, *PLACE_NAMES)
"""In the order of the columns. Intensities are shares of the brain's median, minus 1 for the images themselves."""

EXPLAINED = {
    "baseline": "brightness before",
    "followup": "brightness after",
    "difference": "rise",
    "min_shift": "rise that no shift explains",
    "contrast": "contrast to its surroundings",
    "blob": "round shape",
    "edge": "edge at baseline",
    "local": "noise nearby",
    "z": "rise in SD",
    "bias_residual": "bias between the visits",
    "noise": "noise of the pair",
    "fluid_near": "fluid nearby",
    "lesion_near": "lesion nearby",
    "slice": "slice thickness",
}
"""Words for people, by the beginning of a feature's name."""


@dataclass(frozen=True)
class _Stack:
    """Both visits at every scale, as shares of the brain's median minus 1, in the box."""

    before: list[Image]
    after: list[Image]

    def difference(self, scale: int) -> Image:
        return np.asarray(self.after[scale] - self.before[scale])


def rich_features(pair: PairData, region: Mask) -> NDArray[np.float32]:
    """The features of the region's voxels in the order of memory, shape (n, len(NAMES)), float32.

    Dense filters run once over the brain's box; everything else looks at the region's voxels alone.
    """
    box = bounding_box(pair.brain, int(np.ceil(_MARGIN_MM / pair.spacing)))
    inside = region[box]
    columns = [*_appearance(pair, box, inside), *place_features(pair, region)]
    return np.stack([np.asarray(column, dtype=np.float32) for column in columns], axis=1)


def _appearance(pair: PairData, box: tuple[slice, slice, slice], region: Mask) -> list[NDArray[np.float32]]:
    level, brain = brain_level(pair), pair.brain[box]
    visits = pair.before, pair.after
    images = [pair.once(visit, f"level {level}", partial(_at_level, visit[box], level)) for visit in visits]
    stack = _Stack(
        *(
            [
                pair.once(visit, f"scale {scale} level {level}", partial(_smoothed, image, scale / pair.spacing))
                for scale in _SCALES
            ]
            for visit, image in zip(visits, images, strict=True)
        )
    )
    dense = stack.difference(1)
    spread = float(dense[brain].std())
    local_mean, local_square = (_smoothed(x, 3 / pair.spacing) for x in (dense, dense**2))
    local_sd = np.sqrt(np.maximum(local_square - local_mean**2, 0))
    edge = ndimage.gaussian_gradient_magnitude(images[0], 1 / pair.spacing).astype(np.float32) / pair.spacing
    columns = [image[region] for image in (*stack.before, *stack.after)]
    columns += [stack.difference(scale)[region] for scale in range(len(_SCALES))]
    columns += [_min_shift(images, reach, pair.spacing)[region] for reach in (1.0, 2.0)]
    contrasts = [(side[1] - side[4])[region] for side in (stack.before, stack.after)]
    columns += [*contrasts, contrasts[1] - contrasts[0]]
    columns += [(side[2] - side[3])[region] for side in (stack.before, stack.after)]
    rise = dense[region]
    columns += [edge[region], rise / (edge[region] + spread), local_sd[region], rise / spread]
    columns += [rise / (local_sd[region] + spread / 4), _bias(dense, brain, pair.spacing)[region]]
    columns += [np.full(rise.size, spread, np.float32)]
    fluid = _smoothed(((images[1] < _FLUID - 1) & brain).astype(np.float32), 2 / pair.spacing)
    columns += [fluid[region]]
    for visit, image in zip(visits, images, strict=True):
        columns.append(
            pair.once(visit, f"lesion near level {level}", partial(_lesion_near, pair, image, brain))[region]
        )
    columns += [np.full(rise.size, size, np.float32) for size in pair.slice_mm]
    return columns


def _at_level(image: Image, level: float) -> Image:
    """Shares of the brain's median, minus 1: where there is no signal, as dark as can be."""
    return (image / level - 1).astype(np.float32)


def _lesion_near(pair: PairData, image: Image, brain: Mask) -> Image:
    near = lesion_like(image, brain, pair.settings.lesion_sd).astype(np.float32)
    return _smoothed(near, 2 / pair.spacing)


def _smoothed(image: Image, sigma: float) -> Image:
    return ndimage.gaussian_filter(image, sigma, truncate=3.0) if sigma > 0 else image


def _min_shift(images: list[Image], reach_mm: float, spacing: float) -> Image:
    """The rise over the brightest baseline voxel within reach: what a small misregistration cannot explain."""
    reach = max(1, round(reach_mm / spacing))
    steps = np.abs(np.mgrid[-reach : reach + 1, -reach : reach + 1, -reach : reach + 1])
    ball = (steps**2).sum(axis=0) <= reach**2
    highest = ndimage.grey_dilation(images[0], footprint=ball)
    return _smoothed((images[1] - highest).astype(np.float32), 0.75 / spacing)


def _bias(difference: Image, brain: Mask, spacing: float) -> Image:
    """What is left of a smooth difference between the visits: its Gaussian mean over the brain, outliers left out."""
    values = difference[brain]
    centre = float(np.median(values))
    spread = float(np.median(np.abs(values - centre))) or 1e-6
    kept = (brain & (np.abs(difference - centre) < _BIAS_OUTLIERS * 1.4826 * spread)).astype(np.float32)
    # At 2 mm: the field is smooth, and a Gaussian of 10 mm over 1 mm voxels would cost more than all else together.
    step = max(1, round(2 / spacing))
    sigma = _BIAS_MM / (spacing * step)
    coarse = tuple(slice(None, None, step) for _ in range(3))
    weight = ndimage.gaussian_filter(kept[coarse], sigma)
    total = ndimage.gaussian_filter((difference * kept)[coarse], sigma)
    field = (total / np.maximum(weight, 1e-3)).astype(np.float32)
    nearest = [np.minimum(np.arange(n) // step, p - 1) for n, p in zip(difference.shape, field.shape, strict=True)]
    return np.asarray(field[np.ix_(*nearest)])
