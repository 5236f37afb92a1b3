"""What single raters mark of a simulated pair's new lesions: some draw tightly, others widely, all overlook a few."""

from __future__ import annotations

from dataclasses import replace

from newlesions.images.volume import Affine, Array, Grid
from newlesions.simulate.lesions import Change
from newlesions.simulate.plan import stream
from newlesions.simulate.reference import change_labels
from newlesions.simulate.subject import Subject

RATERS = 4
"""As many as MSSEG-2 had."""

_SHARES = (0.3, 0.6, 0.4, 0.7)
"""How much of a voxel a lesion must fill for each rater to mark it; further raters begin again."""

_OVERLOOKED = 0.1
"""The chance that a rater overlooks a new lesion."""


def rater_mask(subject: Subject, rater: int, grid: Grid, world_from_subject: Affine) -> Array:
    """The new lesions of the first interval that ``rater`` (1, 2, ...) marks on ``grid``, bool."""
    rng = stream(subject.plan.seed, "raters", rater)
    # Drawn for every lesion, so that those of other kinds do not bear on who sees what.
    seen = [lesion for lesion in subject.lesions if rng.uniform() >= _OVERLOOKED]
    share = _SHARES[(rater - 1) % len(_SHARES)]
    labels = change_labels(replace(subject, lesions=seen), 0, 1, grid, world_from_subject, share)
    return labels == Change.NEW
