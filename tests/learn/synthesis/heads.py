"""A drawn head: a ball of white matter with a ventricle, a shell of grey matter and a bright scalp."""

from __future__ import annotations

import numpy as np

from newlesions.images.volume import Volume
from newlesions.learn.synthesis.host import Host, prepare
from newlesions.learn.synthesis.pair import PairPlan
from newlesions.simulate.lesions import ChangeCounts

EVERYTHING = PairPlan(ChangeCounts(2, 1, 1, 1), stable=1)
WHITE, GREY, FLUID, NOISE = 100.0, 125.0, 20.0, 3.0


def radius_of(volume: Volume) -> np.ndarray:
    """Distance (mm) of each voxel's centre from the head's."""
    points = np.einsum("ab,bijk->aijk", volume.affine[:3, :3], np.indices(volume.data.shape))
    points += volume.affine[:3, 3].reshape(3, 1, 1, 1)
    return np.sqrt((points**2).sum(axis=0))


def draw_head(
    spacing: tuple[float, float, float], *, lesion: tuple[float, ...] | None = None, frequency: Volume | None = None
) -> Host:
    """A head about the origin, prepared; ``lesion`` is the place (mm) of a marked ball of 5 mm, 40 % brighter."""
    shape = tuple(int(np.ceil(96 / step)) for step in spacing)
    affine = np.diag([-spacing[0], spacing[1], spacing[2], 1.0])  # left-handed axes, as many scans have
    affine[:3, 3] = [46, -46, -46]
    empty = Volume(np.zeros(shape, dtype=np.float32), affine)
    radius = radius_of(empty)
    clean = np.select([radius < 9, radius < 32, radius < 38, radius < 41, radius < 45], [FLUID, WHITE, GREY, 5, 150], 0)
    marked = np.zeros(shape, dtype=bool)
    if lesion is not None:
        moved = affine.copy()
        moved[:3, 3] -= lesion
        marked = radius_of(Volume(empty.data, moved)) < 5
        clean = np.where(marked, 1.4 * WHITE, clean)
    noise = np.random.default_rng(0).normal(0, NOISE, shape)
    image = empty.with_data(np.where(clean > 0, np.maximum(clean + noise, 1), 0).astype(np.float32))
    brain = image.with_data(radius < 38)
    prior = ((radius >= 9) & (radius < 32)).astype(np.float32)
    known = marked if lesion else None
    return prepare(image, image, brain, np.eye(4), frequency=frequency, lesions=known, white_prior=prior)
