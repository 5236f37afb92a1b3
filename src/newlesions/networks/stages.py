"""A recipe's network stages: what each sees, what it is, how it learns and how it is applied.

In a recipe, every entry of ``stages`` that has a ``task`` is such a stage::

    stages:
      new:
        task: segment_new
        inputs: [baseline, followup]
        prepare: {normalise: zscore}
        network: {name: unet3d, channels: [16, 32, 64]}
        sample: {patch: [64, 64, 64], batch: 2, positive: 0.5}
        augment: [{name: flip, axes: [0, 1, 2], p: 0.5}]
        loss: [{name: dice}]
        optimise: {name: adamw, lr: 1.0e-4, steps: 100000, schedule: {name: cosine}}
        members: {folds: 5}
        predict: {overlap: 0.5, threshold: 0.5}
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

COMBINE = "combine"
"""The task without a network: other stages' probabilities of new lesions, joined as ``predict.combine`` says."""

CLASSIFY = "classify_components"
"""The task whose network sees a patch around each lesion that an earlier stage proposes, and says whether it is one."""

ANSWERS = ("segment_new", "classify_regions", CLASSIFY, COMBINE)
"""The tasks whose probability is that of new lesions: of a pair; in candidate regions of any size, voxel by voxel; of
each lesion that an earlier stage proposes, as a whole; of several stages of the pair, so that an ensemble may be of
networks of different kinds, and a cascade end with rules about components."""

BRAIN = "segment_brain"
"""The task whose network finds the brain's mask, with what of the cord ``brain.cord`` adds to it, in one visit.

It looks beyond that mask: what it says is not cut to the brain."""

OF_VISITS = ("segment_lesions", BRAIN)
"""The tasks that say something of each visit: all its lesions, or its brain."""

ESTIMATE = "estimate_f1"
"""The task of a network that is part of a loss: how well the lesions of one mask find those of another."""

MASKS = ("prediction", "reference")
"""The inputs of that task: a soft mask and the reference, which its training makes and a loss gives."""

RESTORE = "restore"
"""The task of an autoencoder: both images of a pair again. It learns without any reference."""

PAINTERS = ("inpaint", "generate")
"""Tasks whose stages make training images: a lesion-free patch from one with holes; a patch with lesions from one
without and a mask."""

TRAINING_ONLY = (*PAINTERS, ESTIMATE, RESTORE)
"""Tasks whose stages help to train others and are not applied. The one further task is ``segment_lesions``: all lesions
of one visit."""

LESION_FREE = 0.01
"""The share of slices without a lesion that train with ``sample.options.slices``, where it is not given."""


@dataclass(frozen=True)
class Prepare:
    """How images reach the network.

    ``spacing_mm``: null (that of the working grid), one number or three. ``normalise``: ``zscore`` (over all voxels of
    the crop), ``zscore_brain``, ``zscore_positive`` (the same, with 0 for what is negative), ``zscore_nonzero`` (over
    what is not 0, which stays 0), ``zscore_slices`` (each axial slice by itself), ``median_brain`` (shares of the
    brain's median, minus 1), ``minmax``, ``symmetric`` (from -1 to 1) or ``none``, each image on its own. ``mask``:
    outside the brain 0 before normalising. ``percentiles``: of the crop; values beyond are set to them before
    normalising.
    """

    spacing_mm: float | tuple[float, float, float] | None = None
    normalise: str = "zscore_brain"
    mask: bool = True
    percentiles: tuple[float, float] | None = None


@dataclass(frozen=True)
class Sample:
    """Which patches train.

    ``patch``: sides in voxels, 3, or 2 with ``views``. ``views``: the axes (0 sagittal, 1 coronal, 2 axial) whose
    slices a 2D network sees; ``neighbours``: how many slices on either side are further channels of each input.
    ``positive``: the share of patches centred on a lesion voxel; the others are centred within the brain. ``cases``:
    ``all`` or ``changed`` (pairs with a new lesion only). ``synthetic``: what share of a batch is made on the fly from
    scans with lesion masks (`learn.networks.synthetic`). ``weights``: of real and synthetic elements in the loss.
    """

    patch: tuple[int, ...] = (64, 64, 64)
    batch: int = 2
    positive: float = 0.5
    cases: str = "all"
    views: tuple[int, ...] = ()
    neighbours: int = 0
    synthetic: float = 0.0
    weights: tuple[float, float] = (1.0, 1.0)
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Optimise:
    """How weights are found. ``schedule``: {name: constant | cosine | steps | epochs | linear | poly | plateau |
    restarts, ...}.

    ``steps``: optimiser steps. ``accumulate``: batches per step. ``ema``: decay of the averaged weights, which are then
    the result; null: none. ``clip``: the largest norm of the gradient. ``amp``: half precision where the device has it.
    ``mine``: {keep: 32, decay: 0.999}: of each batch only so many patches train, those on which a running mean of the
    weights errs most; null: all.
    ``validate_every``: steps between two looks at the validation pairs; ``patience``: how many looks without gain end
    the training, null: none; ``select``: ``best`` look or ``last`` weights.
    """

    name: str = "adamw"
    lr: float = 1e-3
    steps: int = 1000
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    momentum: float = 0.9
    schedule: Mapping[str, Any] = field(default_factory=lambda: {"name": "constant"})
    accumulate: int = 1
    ema: float | None = None
    clip: float | None = None
    amp: bool = True
    mine: Mapping[str, Any] | None = None
    validate_every: int = 250
    patience: int | None = None
    select: str = "last"


@dataclass(frozen=True)
class Members:
    """The networks of one stage: one per fold (by subject, the fold's own subjects validate) and per seed.

    ``folds`` 1: one network of all pairs. ``refit``: after the folds, one more network of all pairs (and of each seed),
    which alone is applied to new pairs; those of the folds then only say what pairs look like that a network has not
    seen. ``raters``: train on single raters' masks, one network each. ``rater``: train on the masks of one rater, by
    the number (from 1) of the names in their order, so that other stages can see what each rater's network says.
    """

    folds: int = 1
    seeds: int = 1
    raters: bool = False
    rater: int | None = None
    refit: bool = False


@dataclass(frozen=True)
class Predict:
    """How a trained stage is applied.

    ``overlap``: of neighbouring windows, as a share of their side. ``weighting``: ``constant`` or ``gaussian``.
    ``flips``: axes (or several, as lists) that are mirrored and averaged. ``combine``: ``mean`` of the members'
    probabilities, ``logits`` (mean of logits) or ``vote`` (majority of binary masks); ``views``: the same for the views
    of 2D networks. ``window``: sides in voxels, null: those of the training patch. ``threshold``: of the probability.
    ``min_volume_mm3``: smaller lesions are dropped, as are those of fewer than ``min_voxels`` voxels and, with
    ``border: dropped``, those that touch the outermost voxels of the brain. ``passes``: Monte-Carlo dropout; more than
    1: the mean of so many passes with dropout on. ``rim``: of each axis, how many voxels at either end of a window do
    not count: with a window of 3 slices, [0, 0, 1] keeps what is said of the middle one. ``components``: rules
    (`detect.components.Rule`) that each lesion of the map, from ``threshold`` on, must keep; what breaks one has no
    probability.
    """

    overlap: float = 0.5
    weighting: str = "gaussian"
    flips: tuple[Any, ...] = ()
    combine: str = "mean"
    views: str = "vote"
    window: tuple[int, ...] | None = None
    threshold: float = 0.5
    min_volume_mm3: float = 3.0
    min_voxels: int = 1
    border: str = "kept"
    passes: int = 1
    components: tuple[Mapping[str, Any], ...] = ()
    rim: tuple[int, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Start:
    """Weights to begin with: those of an earlier stage, whole or one ``part``.

    ``frozen``: true where that part does not change, or the name of the part that does not.
    """

    stage: str
    part: str | None = None
    frozen: bool | str = False


@dataclass(frozen=True)
class Stage:
    """One stage."""

    name: str
    task: str
    inputs: tuple[str, ...]
    network: Mapping[str, Any] = field(default_factory=dict)
    prepare: Prepare = field(default_factory=Prepare)
    sample: Sample = field(default_factory=Sample)
    augment: tuple[Mapping[str, Any], ...] = ()
    loss: tuple[Mapping[str, Any], ...] = ({"name": "dice"},)
    optimise: Optimise = field(default_factory=Optimise)
    members: Members = field(default_factory=Members)
    predict: Predict = field(default_factory=Predict)
    start: Start | None = None
    uses: tuple[str, ...] = ()
    """Stages that are neither inputs nor start but needed for training, as an inpainter for synthetic pairs."""

    @property
    def raters(self) -> int:
        """How many single raters' masks the network learns beside the reference (``sample.options.raters``)."""
        return int(self.sample.options.get("raters", 0))

    @property
    def is_trained(self) -> bool:
        """Whether it has networks of its own."""
        return self.task != COMBINE

    @property
    def expressions(self) -> tuple[str, ...]:
        """All that it sees when it is applied: its inputs, what proposes its components, and what its rules look at."""
        proposed = self.predict.options.get("candidates", {}).get("of") if self.task == CLASSIFY else None
        others = (rule.get("other") for rule in self.predict.components)
        return tuple(str(one) for one in (*self.inputs, proposed, *others) if one is not None)

    @property
    def channels(self) -> int:
        """What enters the network: its inputs, with neighbouring slices."""
        return len(self.inputs) * (1 + 2 * self.sample.neighbours)

    @classmethod
    def of(cls, name: str, content: Mapping[str, Any]) -> Stage:
        """From a recipe's entry, which its schema has checked."""
        parts: dict[str, Any] = dict(content)
        for key, kind in _PARTS.items():
            if parts.get(key) is not None:
                parts[key] = kind(**{item: _tuples(value) for item, value in parts[key].items()})
        for key in ("inputs", "augment", "loss", "uses"):
            if key in parts:
                parts[key] = tuple(parts[key])
        return cls(name=name, **parts)

    def plain(self) -> dict[str, Any]:
        """As a recipe's entry: dictionaries, lists, numbers and text."""
        content = dataclasses.asdict(self)
        del content["name"]
        return {key: _lists(value) for key, value in content.items() if value is not None}


_LEAST = 3

_PARTS: dict[str, Any] = {
    "prepare": Prepare,
    "sample": Sample,
    "optimise": Optimise,
    "members": Members,
    "predict": Predict,
    "start": Start,
}


@dataclass(frozen=True)
class Limits:
    """The section ``networks`` of the configuration: to make a recipe smaller, and what it runs on.

    ``width``: share of the channels. ``patch``: share of the patches' sides. ``steps``: the most optimiser steps of
    each member, null: the recipe's. ``device``: ``auto``, ``cpu`` or ``cuda``. ``threads``: of one job on the CPU.
    """

    width: float = 1.0
    patch: float = 1.0
    steps: int | None = None
    device: str = "auto"
    threads: int = 2

    @classmethod
    def of(cls, section: Mapping[str, Any]) -> Limits:
        """From the section; entries that are not about a single job (``gpus``, ``bucket``) are left out."""
        known = {entry.name for entry in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in section.items() if name in known})

    @property
    def bearing(self) -> Limits:
        """Those that bear on the weights, on whatever device."""
        return Limits(width=self.width, patch=self.patch, steps=self.steps)


def shortened(side: int, share: float, multiple: int) -> int:
    """A side of a patch or a window times ``share``, rounded to at least one ``multiple``.

    No side falls below 3 voxels: a voxel and its neighbours, or a slice and those beside it.
    """
    least = -(-min(side, _LEAST) // multiple)
    return max(round(side * share / multiple), least) * multiple


def is_network(content: Any) -> bool:
    """Whether a recipe's entry is a network stage."""
    return isinstance(content, Mapping) and "task" in content


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _lists(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _lists(item) for key, item in value.items()}
    return [_lists(item) for item in value] if isinstance(value, list | tuple) else value
