"""What the patches of a training are cut from: each case as its stage sees it, with what is to be learnt."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import cc3d
import numpy as np
from numpy.typing import NDArray

from newlesions.detect.classes import ENLARGING
from newlesions.errors import ConfigError, InputError
from newlesions.images.morphology import Mask
from newlesions.learn.networks.lesion_weights import lesion_weights
from newlesions.networks.case import Case, share_of
from newlesions.networks.inputs import FLAIR, MOVED, POSITIVE, VISITS, channels
from newlesions.networks.prepare import Prepared, prepare
from newlesions.networks.stages import BRAIN, RESTORE, Stage

RATER = "rater_"
_SCANS = (*VISITS, FLAIR, "matched_baseline", "levels_baseline", "levels_followup")
_LARGEST = float(np.finfo(np.float16).max)
SOFT = "soft"
"""The value of ``sample.options.target`` for references that are not cut at one half."""

Outputs = Mapping[str, NDArray[Any]]


class Task(NamedTuple):
    """A case with one of its masks: of a pair, or of one visit (``visit``)."""

    case: Case
    mask: str
    visit: str | None = None


@dataclass(frozen=True)
class Source:
    """One case, or one visit of it, on the stage's grid.

    Attributes
    ----------
    name
        For messages.
    images
        What the inputs' names stand for, float16, (A, I, J, K): half the memory, 1/2000 of the value at most wrong.
    target
        uint8 (0, 1), or float16 (0 to 1) with ``target: soft``, (I, J, K).
    brain
        bool, (I, J, K).
    counted
        The voxels that the loss looks at, bool, (I, J, K).
    zero
        What nothing is in each image, (A,).
    spacing
        Voxel edges in mm.
    lesions
        Voxels of the target, (n, 3), lesion after lesion, and where each lesion begins among them.
    raters
        Further targets, those of single raters, uint8 (0, 1), each (I, J, K).
    weights
        What a voxel weighs in the loss where it is lesion, float16, (I, J, K); None: 1.
    """

    name: str
    images: NDArray[np.float16]
    target: NDArray[np.uint8] | NDArray[np.float16]
    brain: Mask
    counted: Mask
    zero: NDArray[np.float32]
    spacing: tuple[float, float, float]
    lesions: tuple[NDArray[np.int32], NDArray[np.int64]]
    raters: tuple[NDArray[np.uint8], ...] = ()
    weights: NDArray[np.float16] | None = None


def tasks_of(case: Case, stage: Stage) -> Iterator[Task]:
    """What ``stage`` learns from ``case``; nothing where the case lacks the mask. That of the brain every case has.

    With ``sample.options.directions: both``, a pair is also seen backwards, where what was gone is new.
    """
    if stage.task == BRAIN:
        for visit in VISITS:
            yield Task(replace(case, masks={**case.masks, "brain": case.brain.astype(np.uint8)}), "brain", visit)
        return
    if stage.task == "segment_lesions":
        for visit in VISITS:
            if f"{visit}_lesions" in case.masks:
                yield Task(case, f"{visit}_lesions", visit)
        return
    if "new" in case.masks:
        yield Task(case, "new")
    if stage.sample.options.get("directions") == "both" and "gone" in case.masks:
        yield Task(case.swapped(), "new")


def read_source(task: Task, stage: Stage, outputs: Outputs) -> Source:
    """A task as the stage sees it.

    Raises
    ------
    InputError
        If an input is not finite or beyond what float16 holds.
    """
    case, mask, visit = task
    prepared = prepare(case, stage.prepare)
    names = atoms(stage.inputs)
    images = channels(names, prepared, outputs, visit)
    for name, image in zip(names, images, strict=True):
        largest = float(np.abs(image).max())
        if not largest <= _LARGEST:
            raise InputError(case.pair, f"input {name} with a value of {largest:g}", "finite values below 65504")
    held = images.astype(np.float16)
    zero = [_zero(image, prepared.brain, stage.prepare.mask) for image in held]
    target = np.ascontiguousarray(prepared.masks[mask])
    i, j, k = (float(edge) for edge in prepared.spacing)
    where = case.pair if visit is None else f"{case.pair} {visit}"
    counted = _counted(prepared, target, stage)
    zeros = np.array(zero, np.float32)
    raters = tuple(np.ascontiguousarray(prepared.masks[name]) for name in raters_of(case, stage))
    learned = _share(prepared, mask) if stage.sample.options.get("target") == SOFT else target
    lesions = lesion_voxels(target)
    asked = stage.sample.options.get("lesion_weights")
    weights = None if asked is None else lesion_weights(target, prepared.grid.voxel_volume, **asked)
    return Source(where, held, learned, prepared.brain, counted, zeros, (i, j, k), lesions, raters, weights)


def unlabelled(case: Case, stage: Stage) -> Source:
    """A pair as a stage sees it that learns without a reference: its target is empty."""
    blank = replace(case, masks={"new": np.zeros(case.brain.shape, np.uint8)})
    return read_source(Task(blank, "new"), stage, {})


def raters_of(case: Case, stage: Stage) -> list[str]:
    """The masks of the ``sample.options.raters`` raters that the stage learns beside the reference, by their names.

    Raises
    ------
    ConfigError
        If the case has another number of raters.
    """
    wanted = stage.raters
    names = sorted(name for name in case.masks if name.startswith(RATER))
    if wanted and len(names) != wanted:
        raise ConfigError(
            f"stage {stage.name}: found {len(names)} raters' masks of {case.pair}; expected {wanted}, in the column "
            "raters of pairs.tsv"
        )
    return names if wanted else []


def atoms(expressions: Sequence[str]) -> list[str]:
    """The names in ``expressions``, once each in their order, those of one visit as ``lesions(baseline)``.

    >>> atoms(["followup - baseline", "2 * lesions(followup)", "followup"])
    ['followup', 'baseline', 'lesions(followup)']
    """
    found: dict[str, None] = {}
    for expression in expressions:
        _collect(ast.parse(expression.strip(), mode="eval").body, found)
    return list(found)


def is_image(name: str) -> bool:
    """Whether an input's name stands for a scan, whose intensities may be changed, and not for a mask or map."""
    return name in _SCANS or name.endswith(f"({MOVED})")


def lesion_voxels(target: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The voxels of a mask, (n, 3), lesion after lesion (connected over corners), and where each lesion begins."""
    labels = np.asarray(cc3d.connected_components(target > 0, connectivity=26))
    voxels = np.argwhere(labels)
    of = labels[tuple(voxels.T)]
    order = np.argsort(of, kind="stable")
    starts = np.flatnonzero(np.diff(of[order], prepend=0))
    return voxels[order].astype(np.int32), starts.astype(np.int64)


def chosen(sources: Sequence[Source], stage: Stage) -> list[Source]:
    """Those that ``sample.cases`` wants.

    Raises
    ------
    ConfigError
        If none is left.
    """
    if stage.sample.cases == "all":
        kept = list(sources)
    elif stage.sample.cases == "changed":
        kept = [source for source in sources if len(source.lesions[0])]
    else:
        raise ConfigError(f"stage {stage.name}: sample.cases is {stage.sample.cases!r}; expected all or changed")
    if kept:
        return kept
    raise nothing_to_learn(stage, bool(sources))


def nothing_to_learn(stage: Stage, some: bool) -> ConfigError:
    """The error of a stage whose cases have no masks, or (``some``) no lesion in them."""
    if stage.task in ("segment_lesions", "inpaint", "generate"):
        wanted = "masks in the columns baseline_lesions or followup_lesions of pairs.tsv"
    elif stage.task == RESTORE:
        wanted = "some pair"
    elif some:
        wanted = "at least one pair whose reference has a new lesion"
    else:
        wanted = "pairs with a reference of new lesions"
    return ConfigError(f"stage {stage.name}: found nothing to learn from; expected {wanted}")


def _share(prepared: Prepared, mask: str) -> NDArray[np.float16]:
    """How much of each voxel the reference covers."""
    case = prepared.case
    if share_of(mask) not in case.masks:
        raise InputError(case.pair, f"no share of {mask}, which target: soft learns", "a case of this version")
    return prepared.onto(case.masks[share_of(mask)] / np.float32(255)).astype(np.float16)


def _zero(image: NDArray[np.float16], brain: Mask, masked: bool) -> float:
    """The value of nothing: that outside the brain of a masked image, else the lowest."""
    return float(image[~brain][0]) if masked and not brain.all() else float(image.min())


def _counted(prepared: Prepared, target: NDArray[np.uint8], stage: Stage) -> Mask:
    """All voxels, or all but those of enlarging lesions that are no target.

    They rose as new ones did. A reference of new lesions leaves them out for what was there before, which a network
    that sees them as errors cannot tell from what is faint.
    """
    if stage.sample.options.get("enlarging") != "ignored":
        return np.ones(target.shape, np.bool_)
    enlarging = prepared.onto((prepared.case.change == ENLARGING).astype(np.float32)) > 0
    if "enlarging" in prepared.masks:
        enlarging |= prepared.masks["enlarging"] > 0
    return ~enlarging | (target > 0)


def _collect(node: ast.AST, found: dict[str, None]) -> None:
    if isinstance(node, ast.Call) and ast.unparse(node.func) == POSITIVE:
        node = node.args[0]
    if isinstance(node, ast.Call | ast.Name):
        found[ast.unparse(node)] = None
        return
    for child in ast.iter_child_nodes(node):
        _collect(child, found)
