"""Rules about connected components: which lesions of a mask stay, by size, by what they overlap and by shape.

They stand between the stages of a cascade (`Rule`, in a stage's ``predict.components``), and are the constraints of a
subtraction (`detect.constraints`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import marching_cubes, mesh_surface_area

from newlesions.detect.postprocess import least_variances
from newlesions.errors import ConfigError
from newlesions.images.morphology import Mask, label_lesions

Labels = NDArray[np.int32]
Values = NDArray[np.float64]

VOLUME, OVERLAP = "volume", "overlap"
MEASURES = (VOLUME, OVERLAP, "least_axis", "sphericity")
"""What a rule can be about."""


@dataclass(frozen=True)
class Rule:
    """A component stays where what is measured lies within the bounds.

    Attributes
    ----------
    measure
        ``volume`` (mm3), ``overlap`` (the share of its voxels that lie in another mask), ``least_axis`` (mm) or
        ``sphericity`` (`least_axes`, `sphericities`).
    least, above, most
        Bounds: at least, more than, and at most so much; null: none.
    other
        Of ``overlap``: an expression over earlier stages, whose mask begins at ``threshold``.
    threshold
        Of the other mask.
    """

    measure: str
    least: float | None = None
    above: float | None = None
    most: float | None = None
    other: str | None = None
    threshold: float = 0.5

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Rule:
        """From a recipe's entry.

        Raises
        ------
        ConfigError
            If an entry is unknown, or the measure, its bounds and its other mask do not fit together.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(entry) - known)
        if unknown:
            raise ConfigError(f"components: found {unknown[0]!r}; expected some of {', '.join(sorted(known))}")
        if entry.get("measure") not in MEASURES:
            raise ConfigError(f"components: found measure {entry.get('measure')!r}; expected {' or '.join(MEASURES)}")
        rule = cls(**entry)
        if rule.least is None and rule.above is None and rule.most is None:
            raise ConfigError(f"components: found {rule.measure} without a bound; expected least, above or most")
        if (rule.measure == OVERLAP) != (rule.other is not None):
            raise ConfigError(f"components: found {rule.measure} with other {rule.other!r}; expected an expression in "
                              "`other` where the measure is overlap, and nowhere else")  # fmt: skip
        return rule

    def allows(self, values: Values) -> NDArray[np.bool_]:
        """Which of ``values``, (n,), lie within the bounds."""
        stays = np.ones(len(values), np.bool_)
        if self.least is not None:
            stays &= values >= self.least
        if self.above is not None:
            stays &= values > self.above
        if self.most is not None:
            stays &= values <= self.most
        return stays


def keep_components(mask: Mask, rules: Sequence[Rule], other: Callable[[str], NDArray[Any]], spacing: float) -> Mask:
    """The components of ``mask`` (26 neighbours) that every rule allows, each judged as a whole.

    Parameters
    ----------
    mask
        (I, J, K).
    rules
        In any order: each sees all components of ``mask``.
    other
        The map that an expression stands for, (I, J, K).
    spacing
        The edge of a voxel, mm.
    """
    labels = label_lesions(mask)
    stays = np.ones(int(labels.max()), np.bool_)
    for rule in rules:
        stays &= rule.allows(_measured(rule, labels, other, spacing))
    return np.concatenate([[False], stays])[labels]


def volumes(labels: Labels, spacing: float) -> Values:
    """The volume of each of the components 1 to n, mm3, (n,)."""
    return np.asarray(np.bincount(labels.ravel(), minlength=1)[1:] * spacing**3)


def overlaps(labels: Labels, mask: Mask) -> Values:
    """The share of each component's voxels that lie in ``mask``, (n,)."""
    sizes = np.bincount(labels.ravel(), minlength=1)[1:]
    inside = np.bincount(labels[mask], minlength=len(sizes) + 1)[1:]
    return np.asarray(inside / np.maximum(sizes, 1))


def contrasts(labels: Labels, image: NDArray[np.floating], brain: Mask) -> Values:
    """The mean of ``image`` in each component over that of the brain's voxels next to it, (n,).

    Next to it are the 26 neighbours of its voxels that belong to no component. Where there are none, the contrast is
    infinite: nothing speaks against the component.
    """
    around = np.ones((3, 3, 3), np.bool_)
    result = np.full(int(labels.max(initial=0)), np.inf)
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        wide = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in box)
        own = labels[wide] == label
        beside = ndimage.binary_dilation(own, around) & (labels[wide] == 0) & brain[wide]
        level = float(image[wide][beside].mean(dtype=np.float64)) if beside.any() else 0.0
        if level > 0:
            result[label - 1] = float(image[wide][own].mean(dtype=np.float64)) / level
    return result


def least_axes(labels: Labels, spacing: float) -> Values:
    """The least axis length of each component, mm, (n,): 4 sqrt(v).

    v is the least variance of the voxels' centres along any direction (divided by their number), as PyRadiomics defines
    ``LeastAxisLength``. One layer of voxels has length 0.
    """
    return np.asarray(4 * np.sqrt(least_variances(labels)) * spacing)


def sphericities(labels: Labels, spacing: float) -> Values:
    """The sphericity of each component, (n,): (36 pi V^2)^(1/3) / A, 1 for a ball.

    A and V are surface and volume of its mesh (marching cubes at one half), as PyRadiomics defines ``Sphericity``.
    """
    result = np.zeros(int(labels.max(initial=0)))
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        own = np.pad((labels[box] == label).astype(np.float32), 1)
        points, faces, _, _ = marching_cubes(own, 0.5, spacing=(spacing,) * 3)
        area = float(mesh_surface_area(points, faces))
        result[label - 1] = (36 * np.pi * _volume_within(points, faces) ** 2) ** (1 / 3) / area
    return result


def _volume_within(points: NDArray[np.floating], faces: NDArray[np.integer]) -> float:
    """The volume that a closed mesh encloses: the sum of the signed tetrahedra from the origin to its triangles."""
    a, b, c = (points[faces[:, n]].astype(np.float64) for n in range(3))
    return abs(float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum())) / 6


def _measured(rule: Rule, labels: Labels, other: Callable[[str], NDArray[Any]], spacing: float) -> Values:
    if rule.measure == VOLUME:
        return volumes(labels, spacing)
    if rule.measure == OVERLAP:
        assert rule.other is not None
        return overlaps(labels, np.asarray(other(rule.other) >= rule.threshold))
    return least_axes(labels, spacing) if rule.measure == "least_axis" else sphericities(labels, spacing)
