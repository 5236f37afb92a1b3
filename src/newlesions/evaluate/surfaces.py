"""Distances between the surfaces of two label images, in mm.

A surface voxel has a face neighbour of another label inside the image: the border of the field of view is no surface
(itk::BinaryContourImageFilter and itk::LabelContourImageFilter, not fully connected).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

Labels = NDArray[np.unsignedinteger[Any]]
Points = NDArray[np.float64]
Distances = NDArray[np.float64]


@dataclass(frozen=True)
class SurfaceDistances:
    """From each surface voxel of one image to the nearest of the other's, mm, x running fastest; by label.

    Attributes
    ----------
    to_reference
        Of the prediction's surfaces, one array per label.
    to_prediction
        Of the reference's surfaces, one array per label.
    """

    to_reference: Sequence[Distances]
    to_prediction: Sequence[Distances]


def surface(labels: Labels) -> NDArray[np.bool_]:
    """Voxels with a face neighbour of another label, background voxels left out; shape (I, J, K)."""
    found = np.zeros(labels.shape, dtype=np.bool_)
    for axis in range(3):
        along = [slice(None)] * 3
        before, after = list(along), list(along)
        before[axis], after[axis] = slice(None, -1), slice(1, None)
        differ = labels[tuple(before)] != labels[tuple(after)]
        found[tuple(before)] |= differ
        found[tuple(after)] |= differ
    return found & (labels > 0)


def surface_distances(reference: Labels, prediction: Labels, spacing: NDArray[np.float64]) -> SurfaceDistances:
    """Distances between the surfaces of each label, two label images of one box and highest label."""
    highest = int(max(reference.max(initial=0), prediction.max(initial=0)))
    surfaces = [np.where(surface(image), image, 0) for image in (reference, prediction)]
    to_reference, to_prediction = [], []
    for label in range(1, highest + 1):
        points = [voxel_points(image == label, spacing) for image in surfaces]
        to_prediction.append(nearest(points[0], points[1]))
        to_reference.append(nearest(points[1], points[0]))
    return SurfaceDistances(to_reference, to_prediction)


def hausdorff_distance(reference: Labels, prediction: Labels, spacing: NDArray[np.float64]) -> float:
    """The largest distance from a voxel of either mask to the nearest of the other (itk::HausdorffDistanceImageFilter).

    Labels are not told apart. Both masks must hold a voxel.
    """
    masks = [image > 0 for image in (reference, prediction)]
    farthest = 0.0
    for one, other in (masks, masks[::-1]):
        beyond = voxel_points(one & ~other, spacing)
        if len(beyond):
            # The nearest voxel of a mask to a point outside of it is one of its surface.
            target = voxel_points(surface(other.view(np.uint8)), spacing)
            farthest = max(farthest, float(nearest(beyond, target).max()))
    return farthest


def contour_mean_distance(
    reference: Labels, prediction: Labels, distances: SurfaceDistances, spacing: NDArray[np.float64]
) -> float:
    """The larger of the two mean distances between the surfaces (itk::ContourMeanDistanceImageFilter), mm."""
    if len(distances.to_reference) == 1:
        sides = (distances.to_reference[0], distances.to_prediction[0])
    else:
        first, second = (voxel_points(_rim(surface(image)), spacing) for image in (reference, prediction))
        sides = (nearest(second, first), nearest(first, second))
    return max(float(np.mean(side)) for side in sides)


def _rim(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voxels of ``mask`` with one of 26 neighbours outside of it: where two labels touch, a surface is two deep."""
    around = ndimage.generate_binary_structure(3, 3)
    return mask & ~ndimage.binary_erosion(mask, around, border_value=1)


def running_minimum_distance(distances: SurfaceDistances) -> float:
    """What the tool prints as SurfaceDistance: far too small a value.

    Its minimum is never reset between points, so that each point counts with the least distance of all points before
    it (animaSegPerfCAnalyzer.cxx, computeAverageSurfaceDistance). `average_surface_distance` is what it means to be.
    """
    total, points = 0.0, 0
    for side in zip(distances.to_prediction, distances.to_reference, strict=True):
        for values in side:
            total += math.fsum(np.minimum.accumulate(values)) if values.size else 0.0
            points += values.size
    return total / points


def average_surface_distance(distances: SurfaceDistances) -> float:
    """The average symmetric surface distance (ASSD): the mean over all surface voxels of both images, mm."""
    return float(np.mean(np.concatenate([*distances.to_reference, *distances.to_prediction])))


def hausdorff_95(distances: SurfaceDistances) -> float:
    """The larger of the two 95th percentiles of the distances between surfaces, mm."""
    sides = (distances.to_reference, distances.to_prediction)
    return max(float(np.percentile(np.concatenate(side), 95)) for side in sides)


def voxel_points(mask: NDArray[np.bool_], spacing: NDArray[np.float64]) -> Points:
    """The voxels of ``mask`` in mm along its axes, shape (n, 3), x running fastest."""
    index = np.unravel_index(np.flatnonzero(mask.ravel(order="F")), mask.shape, order="F")
    return np.stack(index, axis=1) * spacing


def nearest(points: Points, target: Points) -> Distances:
    """The distance from each of ``points``, shape (n, 3), to the nearest of ``target``, shape (m, 3)."""
    if not len(points):
        return np.zeros(0)
    return np.asarray(cKDTree(target).query(points)[0])
