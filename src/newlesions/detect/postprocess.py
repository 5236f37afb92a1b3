"""What Prados & Kanber keep of a map of probabilities: no small and no thin components (proceedings p. 3)."""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray

from newlesions.images.morphology import Mask


def clean(
    probability: NDArray[np.floating] | Mask,
    threshold: float = 0.2,
    min_voxels: int = 27,
    minor_axis: float = 2.0,
    connectivity: int = 26,
) -> Mask:
    """Binarise a map and remove its small and its thin components.

    "Post-processing was performed by removing any patches with minor axis length less than 2 voxels or total number of
    voxels less than 27 (3^3 voxels). Finally, the detected new-lesions mask was binarised at a threshold of 20%."
    The paper does not say of what the patches are components before the map is binarised. Here the threshold comes
    first: patches then are what is reported, and do not hang together by probabilities near zero.

    Parameters
    ----------
    probability
        Of new lesion, (I, J, K), on a grid of cubic voxels; or a mask, which every threshold leaves as it is.
    threshold
        In (0, 1]; a voxel at it belongs to the result. A voxel that is not a number does not.
    min_voxels
        A component has at least this many voxels; 0 keeps all.
    minor_axis
        A component is at least this long along its least principal axis, in voxels (`minor_axis_lengths`); 0: any.
    connectivity
        6, 18 or 26 neighbours. The paper is silent; 26 is the default of scikit-image, whose term the minor axis is.

    Returns
    -------
    Mask
        Bool, (I, J, K). Cleaning it again changes nothing.

    Raises
    ------
    ValueError
        If ``probability`` is not three-dimensional or ``threshold`` not in (0, 1].
    """
    if probability.ndim != 3:
        raise ValueError(f"the map has shape {probability.shape}; expected three axes")
    if not 0 < threshold <= 1:
        raise ValueError(f"the threshold is {threshold}; expected more than 0 and at most 1")
    mask = np.asarray(probability >= threshold)
    labels = np.asarray(cc3d.connected_components(mask, connectivity=connectivity)).astype(np.int32)
    stays = np.bincount(labels.ravel(), minlength=1) >= min_voxels
    # Rounded, since an axis of exactly this length may come out a little shorter.
    stays[1:] &= np.round(minor_axis_lengths(labels), 9) >= minor_axis
    stays[0] = False
    return stays[labels]


def minor_axis_lengths(labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """The least principal axis of each component, in voxels, shape (n,).

    That of the ellipsoid with the component's second moments about its centre, as ``axis_minor_length`` of
    scikit-image's regionprops: 2 sqrt(5 v), v the least variance of the voxels' centres along any direction. One layer
    of voxels has length 0, two layers 2.24, a cube of 27 voxels 3.65. All components at once, and flat ones without
    scikit-image's error where rounding makes their least moment negative.

    Parameters
    ----------
    labels
        Components 1 to n, (I, J, K), on a grid of cubic voxels. A number without voxels has length 0.
    """
    return np.asarray(2 * np.sqrt(5 * least_variances(labels)))


def least_variances(labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """The least variance of the voxels' centres of each component 1 to n along any direction, voxels^2, (n,)."""
    places = np.nonzero(labels)
    index = labels[places] - 1
    count = int(labels.max(initial=0))
    sizes = np.maximum(np.bincount(index, minlength=count), 1)

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(index, weights=values, minlength=count) / sizes)

    centred = [(axis := place.astype(np.float64)) - mean(axis)[index] for place in places]
    moments = np.array([[mean(a * b) for a in centred] for b in centred]).reshape(3, 3, count)
    least = np.linalg.eigvalsh(np.moveaxis(moments, -1, 0))[:, 0]
    return np.asarray(np.maximum(least, 0))
