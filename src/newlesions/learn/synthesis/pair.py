"""Pairs of visits with known new, gone, enlarging and shrinking lesions, from one real scan or from two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from newlesions.images.resample import resample
from newlesions.images.volume import Affine, Array, Grid, Volume
from newlesions.learn.synthesis.host import Host
from newlesions.learn.synthesis.insert import insert
from newlesions.learn.synthesis.known import KnownLesion, absent, choose_known
from newlesions.learn.synthesis.lesions import CONTRASTS, SIZES, Contrasts, Lesion, place_lesions
from newlesions.learn.synthesis.library import Library
from newlesions.learn.synthesis.reference import change_labels, lesion_mask
from newlesions.learn.synthesis.remove import remove
from newlesions.learn.synthesis.visits import Visit, carry, degrade, draw_visit
from newlesions.simulate.lesions import Change, ChangeCounts, LesionSizes


@dataclass(frozen=True)
class PairPlan:
    """What a pair shows: changing and ``stable`` synthetic lesions, and marked lesions that one visit lacks.

    ``known_new`` of the marked ones are missing at baseline, ``known_gone`` at follow-up.
    """

    counts: ChangeCounts
    stable: int = 0
    known_new: int = 0
    known_gone: int = 0
    sizes: LesionSizes = SIZES
    contrasts: Contrasts = CONTRASTS


@dataclass(frozen=True)
class SyntheticPair:
    """Two scans, their brains (bool), and the reference.

    Attributes
    ----------
    labels
        On the follow-up's own grid, uint8, values of `Change`.
    followup_from_baseline
        4x4, RAS mm.
    lesions
        Everything that was inserted or taken from one visit.
    masks
        All lesions of each visit on its own grid, bool, those of the scans included; None where nobody has marked
        these.
    """

    baseline: Volume
    followup: Volume
    baseline_brain: Volume
    followup_brain: Volume
    labels: Array
    followup_from_baseline: Affine
    lesions: tuple[Lesion | KnownLesion, ...]
    masks: tuple[Array, Array] | None = None

    def count(self, change: Change) -> int:
        """How many lesions change in this way (`Change.NONE`: stay as they are)."""
        return sum(lesion.change is change for lesion in self.lesions)


def draw_plan(rng: np.random.Generator, *, new: bool = True) -> PairPlan:
    """A random plan: with one to about fifteen new lesions, or without any; half of the latter do not change at all."""
    stable = int(rng.poisson(3))
    if not new:
        counts = ChangeCounts() if rng.uniform() < 0.5 else ChangeCounts(gone=int(rng.poisson(1.5)))
        return PairPlan(counts, stable)
    appear = 1 + int(min(rng.poisson(np.exp(rng.normal(np.log(4.0), 0.6))), 16))
    counts = ChangeCounts(appear, int(rng.poisson(1.0)), int(rng.poisson(1.0)), int(rng.poisson(0.5)))
    return PairPlan(counts, stable, known_new=int(rng.poisson(1.5)), known_gone=int(rng.poisson(0.7)))


def make_pair(host: Host, plan: PairPlan, library: Library | None, rng: np.random.Generator) -> SyntheticPair:
    """A pair from one scan: one visit in place, the other moved, each with lesions, noise and contrast of its own.

    Which of the two is the moved one is drawn, so that blur from interpolation says nothing about time.
    """
    placing, first, second, look = rng.spawn(4)
    known = choose_known(placing, host, plan.known_new, plan.known_gone)
    lesions = _place(placing, host, plan, library)
    moved = int(look.integers(2))
    visits = [draw_visit(look, host.image.grid, moved=n == moved) for n in (0, 1)]
    scans = [
        _visit(host, visits[n], n, lesions, absent(known, n, host.image.grid), own)
        for n, own in enumerate((first, second))
    ]
    (baseline, baseline_brain), (followup, followup_brain) = scans
    everything: tuple[Lesion | KnownLesion, ...] = (*lesions, *known)
    labels = change_labels(everything, followup.grid, visits[1].pose)
    moved_by = np.asarray(visits[1].pose @ np.linalg.inv(visits[0].pose))
    masks = None
    if host.lesions.any():
        own = [host.lesions & ~absent(known, n, host.image.grid) for n in (0, 1)]
        of_visits = [
            _carried_mask(own[n], host.image, scan.grid, visits[n].pose)
            | lesion_mask(lesions, n, scan.grid, visits[n].pose)
            for n, scan in enumerate((baseline, followup))
        ]
        masks = (of_visits[0], of_visits[1])
    return SyntheticPair(baseline, followup, baseline_brain, followup_brain, labels, moved_by, everything, masks)


def make_real_pair(
    baseline: Host,
    followup: Host,
    followup_from_baseline: Affine,
    plan: PairPlan,
    library: Library | None,
    rng: np.random.Generator,
    real_labels: Array | None = None,
) -> SyntheticPair:
    """Synthetic lesions in both visits of a real pair, which keeps its own changes.

    Parameters
    ----------
    followup_from_baseline
        4x4 rigid, RAS mm.
    real_labels
        The real changes on the follow-up's own grid, values of `Change`; they stay in the reference.
    """
    own = followup.room if real_labels is None else np.where(real_labels > 0, 0, followup.room).astype(np.float32)
    there = resample(followup.image.with_data(own), baseline.image.grid, followup_from_baseline, order=1).data
    shared = replace(
        baseline,
        room=baseline.room * there,
        likelihood=np.where(there > 0.99, baseline.likelihood, 0).astype(np.float32),
    )
    lesions = _place(rng, shared, plan, library)
    before = insert(baseline.image, lesions, 0, baseline.white)
    after = insert(followup.image, lesions, 1, followup.white, followup_from_baseline)
    labels = change_labels(lesions, followup.image.grid, followup_from_baseline)
    if real_labels is not None:
        labels = np.where(labels > 0, labels, real_labels).astype(np.uint8)
    masks = None
    if baseline.lesions.any() and followup.lesions.any():
        masks = (
            baseline.lesions | lesion_mask(lesions, 0, baseline.image.grid, np.eye(4)),
            followup.lesions | lesion_mask(lesions, 1, followup.image.grid, followup_from_baseline),
        )
    brains = baseline.brain, followup.brain
    return SyntheticPair(before, after, *brains, labels, followup_from_baseline, tuple(lesions), masks)


def _place(rng: np.random.Generator, host: Host, plan: PairPlan, library: Library | None) -> list[Lesion]:
    return place_lesions(rng, host, plan.counts, plan.stable, library, sizes=plan.sizes, contrasts=plan.contrasts)


def _visit(
    host: Host, visit: Visit, number: int, lesions: Sequence[Lesion], without: Array, rng: np.random.Generator
) -> tuple[Volume, Volume]:
    """The scan of one visit and its brain."""
    stripped = not (host.image.data[~host.brain.data] > 0).any()
    cleaned = remove(host.image, without, host.white, rng) if without.any() else host.image
    scan = carry(cleaned, visit, rng)
    brain, white = (_carried_mask(mask, host.image, scan.grid, visit.pose) for mask in (host.brain.data, host.white))
    if stripped:
        scan = scan.with_data(np.where(brain, scan.data, 0))
    scan = insert(scan, lesions, number, white, visit.pose)
    prior = resample(host.image.with_data(host.prior), scan.grid, np.asarray(np.linalg.inv(visit.pose)), order=1).data
    return degrade(scan, visit, brain * (1 - prior), rng), scan.with_data(brain)


def _carried_mask(mask: Array, image: Volume, grid: Grid, pose: Affine) -> Array:
    if np.array_equal(pose, np.eye(4)) and grid.matches(image.grid):
        return np.asarray(mask, dtype=bool)
    carried = resample(image.with_data(mask.astype(np.float32)), grid, np.asarray(np.linalg.inv(pose)), order=1)
    return np.asarray(carried.data >= 0.5)
