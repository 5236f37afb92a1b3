"""Patches to learn from: where they are cut, how they are changed, and the batches that they make.

All that is random comes from the seed and the number of the batch, so a batch is the same whoever makes it and when.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.errors import ConfigError
from newlesions.images.morphology import Mask
from newlesions.learn.networks.augment.frame import Frame
from newlesions.learn.networks.augment.pipeline import Augment
from newlesions.learn.networks.batch import Batch, Element, collate
from newlesions.learn.networks.centres import KINDS, Weighted, on_lesion, thrown
from newlesions.learn.networks.grid import Grid
from newlesions.learn.networks.lesion_weights import check_lesion_weights
from newlesions.learn.networks.slices import Slices
from newlesions.learn.networks.sources import SOFT, Source, atoms, is_image
from newlesions.networks.build import margin
from newlesions.networks.inputs import VISITS, evaluate
from newlesions.networks.stages import Stage, shortened

Maker = Callable[[np.random.Generator], Element]
"""Makes one element from nothing but a generator of random numbers."""

_CHOICES = {
    "centre": ("case", "lesion", "voxel"),
    "valid": ("patch", "brain"),
    "directions": ("forward", "both"),
    "enlarging": ("negative", "ignored"),
    "target": ("cut", SOFT),
}
_OPTIONS = {
    *_CHOICES,
    "estimate",
    "grid",
    "lesion_weights",
    "shift",
    "slices",
    "synthetic",
    "per_case",
    "centre_weights",
    "raters",
}


class Patches:
    """Draws patches from sources.

    Parameters
    ----------
    sources
        At least one.
    stage
        ``sample``: how. ``sample.options``: ``centre`` says which lesion voxel is the centre of a positive patch: of a
        random ``case`` (default), of a random ``lesion`` of all cases, or a random ``voxel`` of all lesions; ``shift``
        (0) moves that centre by up to so large a share of half the patch; ``per_case``: all cases are equally likely,
        and ``positive`` is the chance of a patch on a lesion in each case that has one; ``centre_weights``: how likely
        a voxel of the background, of the brain and of a lesion is the centre of a patch that is not positive;
        ``grid``: patches begin every so many voxels within the brain, positive ones are those that hold a lesion voxel,
        the others come in rounds, each once (`learn.networks.grid`);
        ``lesion_weights`` (`learn.networks.lesion_weights`): what a lesion's voxels weigh in the loss, by its volume;
        ``slices``: ``{lesion_free: 0.01, mirrored: 0}``, patches are of the axial slices with a lesion, each as it is
        and mirrored along an axis, and of such a share of the others, all as likely (`slices.Slices`; ``positive`` is
        not used);
        ``raters`` (0): how many raters' masks are targets beside the reference, one output of the network for each;
        ``valid: brain`` leaves voxels outside the brain out of the loss, ``enlarging: ignored`` those of enlarging
        lesions that the reference does not hold (what the candidates call so, and the mask ``enlarging`` of cases that
        have it); ``target: soft`` learns how much of each voxel the reference covers, where ``cut`` learns whether it
        covers at least half.
    sides
        Of a patch in voxels, (3,), or (2,) with views.

    Raises
    ------
    ConfigError
        If the sample's options are unknown or do not fit the patch.
    """

    def __init__(self, sources: Sequence[Source], stage: Stage, sides: Sequence[int]) -> None:
        _check(stage, sides)
        self.sources, self.stage, self.sides = sources, stage, tuple(int(side) for side in sides)
        self.margin = margin(stage.network)
        self.seen = tuple(side + 2 * self.margin for side in self.sides)
        self.slices = 1 + 2 * stage.sample.neighbours
        self.soft = stage.sample.options.get("target") == SOFT
        self.augment = Augment(stage.augment)
        self.names = atoms(stage.inputs)
        self.scans = [number for number, name in enumerate(self.names) if is_image(name)]
        self._changed = [number for number, source in enumerate(sources) if len(source.lesions[0])]
        self._lesions = [(number, n) for number in self._changed for n in range(len(sources[number].lesions[1]))]
        voxels = np.array([len(sources[number].lesions[0]) for number in self._changed], float)
        self._by_voxels = voxels / voxels.sum() if len(voxels) else voxels
        weights = stage.sample.options.get("centre_weights")
        step = stage.sample.options.get("grid")
        self._grid = None if step is None else Grid(sources, self.sides, min(int(step), *self.sides))
        self._slices = Slices.of(sources, stage.sample.options, stage.name)
        self._weighted = None if weights is None else _weighted(sources, weights, stage)

    def draw(self, rng: np.random.Generator, positive: bool, turn: tuple[int, int] | None = None) -> Element:
        """One patch, centred on a lesion voxel (where there is any lesion) or anywhere in a brain.

        ``turn``: the seed, and how many patches that are not positive were drawn before, for those of a ``grid``.
        """
        shift = float(self.stage.sample.options.get("shift", 0.0))
        mirrored: int | None = None
        place = None if self._grid is None else self._grid.draw(rng, positive, turn)
        if place is not None:
            source, centre, shift = self.sources[place[0]], np.array(place[1]), 0.0
        elif self._slices is not None:
            source, centre, mirrored = self._slices.draw(rng)
        elif self.stage.sample.options.get("per_case"):
            source = self.sources[int(rng.integers(len(self.sources)))]
            positive = len(source.lesions[0]) > 0 and rng.random() < self.stage.sample.positive
            centre = on_lesion(rng, source) if positive else _in(rng, source.brain)
            shift *= positive
        elif positive and self._changed:
            source, centre = self._on_lesion(rng)
        elif self._weighted is not None:
            weighted = self._weighted[int(rng.integers(len(self._weighted)))]
            source, centre, shift = weighted.source, weighted.draw(rng), 0.0
        else:
            source = self.sources[int(rng.integers(len(self.sources)))]
            centre, shift = _in(rng, source.brain), 0.0
        views = self.stage.sample.views
        view = int(views[int(rng.integers(len(views)))]) if views else None
        element = self._cut(rng, source, centre, view, shift)
        return element if mirrored is None else element.mirrored(mirrored)

    def _on_lesion(self, rng: np.random.Generator) -> tuple[Source, NDArray[np.int64]]:
        how = self.stage.sample.options.get("centre", "case")
        if how == "lesion":
            number, lesion = self._lesions[int(rng.integers(len(self._lesions)))]
            voxels, starts = self.sources[number].lesions
            end = starts[lesion + 1] if lesion + 1 < len(starts) else len(voxels)
            at = int(rng.integers(starts[lesion], end))
        else:
            number = int(rng.choice(self._changed, p=self._by_voxels if how == "voxel" else None))
            voxels = self.sources[number].lesions[0]
            at = int(rng.integers(len(voxels)))
        return self.sources[number], voxels[at].astype(np.int64)

    def _cut(
        self, rng: np.random.Generator, source: Source, centre: NDArray[np.int64], view: int | None, shift: float
    ) -> Element:
        axes = tuple(axis for axis in range(3) if axis != view)
        frame = Frame(self.seen, axes, tuple(source.spacing[axis] for axis in axes))
        geometry = self.augment.geometry(rng, frame)
        moved = [round(rng.uniform(-shift, shift) * side / 2) for side in self.sides] if shift else [0] * len(axes)
        box = []
        for axis in range(3):
            if axis == view:
                box.append((int(centre[axis]) - self.slices // 2, self.slices))
                continue
            n = axes.index(axis)
            at, side, length = int(centre[axis]) + moved[n], self.sides[n], source.target.shape[axis]
            first = _first(at, side, length)
            reach = geometry.reach[n]
            box.append((first - self.margin - (reach - self.seen[n]) // 2, reach))
        many = _slices(_piece(source.images, box, "edge"), view)
        weights = () if source.weights is None else (source.weights,)
        masks = (source.brain, source.counted, *weights, source.target, *source.raters)
        brains, counted, *rest = (_slices(_piece(mask[None], box), view) for mask in masks)
        middle = slice(self.slices // 2, self.slices // 2 + 1)
        pieces = [many, brains, counted[middle], *(one[middle] for one in rest)]
        warped = geometry.apply(np.concatenate(pieces, dtype=np.float32))
        ends = np.cumsum([len(many), len(brains), 1, len(weights)])
        images, brains, valid, weighed, learned = np.split(warped, ends)
        brains, valid = brains >= 0.5, valid[0] >= 0.5
        learned = learned if self.soft else (learned >= 0.5).astype(np.float32)
        images = self._changed_images(rng, images, brains, source, frame)
        if self.augment.lesions:
            before, after = (self.names.index(visit) for visit in VISITS)
            images[after] = self.augment.enhance(rng, images[before], images[after], learned[0] >= 0.5)
        if self.stage.sample.options.get("valid") == "brain":
            valid = valid & brains[middle][0]
        named = dict(zip(self.names, images.reshape(len(self.names), self.slices, *self.seen), strict=True))
        inputs = np.concatenate([evaluate(expression, named) for expression in self.stage.inputs])
        inner = tuple(slice(self.margin, self.margin + side) for side in self.sides)
        counts = valid.astype(np.float32)
        for one in weighed:
            counts *= np.where(learned[0] >= 0.5, one, np.float32(1))
        targets_seen = learned[(slice(None), *inner)]
        return Element(inputs, targets_seen, counts[inner], self.stage.sample.weights[0])

    def _changed_images(
        self, rng: np.random.Generator, images: NDArray[np.float32], brain: Mask, source: Source, frame: Frame
    ) -> NDArray[np.float32]:
        """The scans, (slices of each, ...), with other intensities; outside ``brain``, (slices, ...), they stay nothing
        where they were."""
        if not self.scans or not self.augment.changes:
            return images
        at = [number * self.slices + n for number in self.scans for n in range(self.slices)]
        zero = np.repeat(source.zero[self.scans], self.slices)
        changed = self.augment.change(rng, images[at], frame, zero)
        if self.stage.prepare.mask:
            inside = np.tile(brain, (len(self.scans), *[1] * (brain.ndim - 1)))
            changed = np.where(inside, changed, zero.reshape(-1, *[1] * (brain.ndim - 1)))
        images[at] = changed
        return images


class Batches:
    """The batches of a training by their numbers.

    Parameters
    ----------
    patches
        Real elements; None where all are made.
    maker
        Made ones; None where there are none.
    stage
        ``sample``: how many of each, and their weights.
    seed
        Of all.
    multiple
        What the sides of a batch must be a multiple of: one number, or one for each.

    Raises
    ------
    ConfigError
        If a share of synthetic elements is asked for and there is nothing that makes them.
    """

    def __init__(
        self,
        patches: Patches | None,
        maker: Maker | None,
        stage: Stage,
        seed: int,
        multiple: int | Sequence[int] = 1,
    ) -> None:
        if maker is None and (patches is None or stage.sample.synthetic > 0):
            raise ConfigError(f"stage {stage.name}: found nothing that makes its elements; expected a maker")
        self.patches, self.maker, self.stage, self.seed, self.multiple = patches, maker, stage, seed, multiple

    def make(self, number: int) -> Batch:
        """Batch ``number``, on the CPU. Shares that are no whole number of elements are met on average."""
        sample = self.stage.sample
        rng = np.random.default_rng([self.seed, number])
        made = sample.batch if self.patches is None else _rounded(rng, sample.synthetic * sample.batch)
        positive = _rounded(rng, sample.positive * (sample.batch - made))
        elements = []
        for place in range(sample.batch):
            own = np.random.default_rng([self.seed, number, 1 + place])  # a 0 at the end would not count
            if self.patches is not None and place < sample.batch - made:
                turn = (self.seed, number * (sample.batch - made - positive) + place - positive)
                elements.append(self.patches.draw(own, place < positive, turn))
            else:
                elements.append(self._made(own))
        return collate(elements, self.multiple)

    def each(self, first: int, workers: int = 1) -> Iterator[Batch]:
        """Batches ``first``, ``first`` + 1 and so on without end, made ahead by ``workers`` threads; 0: none."""
        if workers <= 0:
            number = first
            while True:
                yield self.make(number)
                number += 1
        pool = ThreadPoolExecutor(workers)
        try:
            waiting: list[Future[Batch]] = [pool.submit(self.make, first + n) for n in range(2 * workers)]
            number = first + len(waiting)
            while True:
                batch = waiting.pop(0).result()
                waiting.append(pool.submit(self.make, number))
                number += 1
                yield batch
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _made(self, rng: np.random.Generator) -> Element:
        assert self.maker is not None
        weight = self.stage.sample.weights[1 if self.stage.sample.synthetic > 0 else 0]
        return self.maker(rng)._replace(weight=weight)


def patch_sides(stage: Stage, share: float, multiple: int | Sequence[int]) -> tuple[int, ...]:
    """The sides of a training patch: the recipe's times ``share``, rounded as `shortened` says."""
    steps = np.broadcast_to(multiple, len(stage.sample.patch)).tolist()
    return tuple(shortened(side, share, step) for side, step in zip(stage.sample.patch, steps, strict=True))


def _check(stage: Stage, sides: Sequence[int]) -> None:
    options = stage.sample.options
    unknown = sorted(options.keys() - _OPTIONS)
    if unknown:
        known = ", ".join(sorted(_OPTIONS))
        raise ConfigError(f"stage {stage.name}: sample.options has {unknown[0]!r}; expected some of {known}")
    for name, allowed in _CHOICES.items():
        if options.get(name, allowed[0]) not in allowed:
            raise ConfigError(
                f"stage {stage.name}: sample.options.{name} is {options[name]!r}; expected {' or '.join(allowed)}"
            )
    step = options.get("grid")
    if step is not None and (not isinstance(step, int) or step < 1 or stage.sample.views):
        raise ConfigError(f"stage {stage.name}: sample.options.grid is {step}; expected a positive whole number, and "
                          "no views")  # fmt: skip
    if options.get("lesion_weights") is not None:
        check_lesion_weights(options["lesion_weights"])
    wanted = 2 if stage.sample.views else 3
    if len(sides) != wanted:
        raise ConfigError(
            f"stage {stage.name}: found a patch of {len(sides)} sides; expected {wanted} "
            f"{'with' if wanted == 2 else 'without'} sample.views"
        )


def _slices(piece: NDArray[Any], view: int | None) -> NDArray[Any]:
    """The slices of each image behind one another: (C, I, J, K) to (C * slices, ., .); without a view as it is."""
    if view is None:
        return piece
    along = np.moveaxis(piece, view + 1, 1)
    return along.reshape(-1, *along.shape[2:])


def _in(rng: np.random.Generator, mask: Mask) -> NDArray[np.int64]:
    """A random voxel of ``mask``, which has some."""
    return thrown(rng, mask.shape, lambda points: mask[tuple(points.T)])


def _weighted(sources: Sequence[Source], weights: Sequence[float], stage: Stage) -> list[Weighted]:
    if len(weights) != len(KINDS) or min(weights) < 0:
        raise ConfigError(
            f"stage {stage.name}: sample.options.centre_weights is {weights}; expected {len(KINDS)} numbers, of "
            f"{', '.join(KINDS)}"
        )
    made = [weighted for source in sources if (weighted := Weighted.of(source, weights)) is not None]
    if not made:
        raise ConfigError(f"stage {stage.name}: found no voxel with a weight in centre_weights; expected some")
    return made


def _first(centre: int, side: int, length: int) -> int:
    """Where a patch of ``side`` voxels begins: within the volume where that is long enough, else in its middle."""
    if length < side:
        return -((side - length) // 2)
    return int(np.clip(centre - side // 2, 0, length - side))


def _piece(volume: NDArray[Any], box: Sequence[tuple[int, int]], mode: Any = "constant") -> NDArray[Any]:
    """A part of ``volume``, (C, I, J, K): of each axis the first voxel and how many; beyond the ends it is padded."""
    inner, missing = [slice(None)], [(0, 0)]
    for (first, count), length in zip(box, volume.shape[1:], strict=True):
        start, stop = max(first, 0), min(first + count, length)
        inner.append(slice(start, stop))
        missing.append((start - first, first + count - stop))
    part = volume[tuple(inner)]
    return np.pad(part, missing, mode=mode) if any(map(any, missing)) else part


def _rounded(rng: np.random.Generator, number: float) -> int:
    """``number`` up or down, so that it is met on average."""
    return int(np.floor(number + rng.random()))
