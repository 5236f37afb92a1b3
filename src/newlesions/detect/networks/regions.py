"""Candidate regions where the follow-up is brighter, and a network over each of them (Hamzaoui et al.).

MSSEG-2 proceedings pp. 93-96: components of a high ratio of two matched visits, each cropped with two voxels around it,
judged voxel by voxel by a network without pooling. A voxel in several regions has the value of the one whose centre is
nearest (p. 95).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cc3d
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.detect.networks.window import device_of, threads_of
from newlesions.errors import ConfigError
from newlesions.images.morphology import dilate, erode
from newlesions.networks.case import Case, Image
from newlesions.networks.derived import DERIVED
from newlesions.networks.stages import Limits, Stage

Box = tuple[slice, slice, slice]

_BATCH_VOXELS = 2**18  # of the framed regions that go through a network at once
_LARGEST, _HALO = (
    2**20,
    16,
)  # voxels of a region that is divided, and what its halves share: more than a network reaches


@dataclass(frozen=True)
class RegionSettings:
    """How regions are found: ``options.regions`` of a stage's ``predict``.

    ``image``: a name of `networks.derived.DERIVED`, compared with ``ratio``. ``opening_mm``, ``erosion_mm`` (of the
    brain): radii. ``min_volume_mm3``: smaller components are dropped. ``padding``: voxels around each box.
    ``infratentorial_mm``: components farther below MNI's vertex than this are infratentorial; 90 % of MNI's brain stem
    and cerebellum are, and 10 % of the rest. The paper states all but the last, and not on which image: chosen is the
    one on grey levels, in the order of its text (p. 93). ``ratio``, before them, covers as much of the references.
    """

    image: str = "ratio_levels"
    ratio: float = 1.15
    opening_mm: float = 1.0
    erosion_mm: float = 1.0
    min_volume_mm3: float = 7.0
    padding: int = 2
    infratentorial_mm: float = 100.0

    @classmethod
    def of(cls, stage: Stage) -> RegionSettings:
        """Those of a stage.

        Raises
        ------
        ConfigError
            If an entry is unknown.
        """
        options: Mapping[str, Any] = stage.predict.options.get("regions", {})
        known = cls.__dataclass_fields__
        for name in options:
            if name not in known:
                raise ConfigError(
                    f"stage {stage.name}: predict.options.regions has {name!r}; known are {', '.join(known)}"
                )
        settings = cls(**options)
        if settings.image not in DERIVED:
            raise ConfigError(
                f"stage {stage.name}: predict.options.regions.image is {settings.image!r}; "
                f"known are {', '.join(DERIVED)}"
            )
        return settings


@dataclass(frozen=True)
class Region:
    """One candidate: its padded ``box``, its component (bool, the box's shape), and where and what it is.

    ``true``: its component meets the reference of new lesions; False where the case has none.
    """

    box: Box
    component: NDArray[np.bool_]
    infratentorial: bool
    true: bool

    @property
    def centre(self) -> NDArray[np.float64]:
        """The box's centre in voxels, shape (3,)."""
        return np.array([(side.start + side.stop - 1) / 2 for side in self.box])


def find_regions(case: Case, settings: RegionSettings | None = None) -> list[Region]:
    """The candidates of ``case``, in the order of memory of their first voxels.

    Pp. 93-94: ratio above 1.15, opening of 1 mm, connected components (over faces, as animaConnectedComponents has it
    unless told otherwise) above 7 mm3, inside the brain eroded by 1 mm, boxes with two voxels more.
    """
    settings = settings or RegionSettings()
    spacing = case.spacing
    rising = DERIVED[settings.image](case) > settings.ratio
    opened = dilate(erode(rising, settings.opening_mm, spacing), settings.opening_mm, spacing)
    opened &= erode(case.brain, settings.erosion_mm, spacing)
    labels = np.asarray(cc3d.connected_components(opened, connectivity=6))
    reference = case.masks.get("new")
    below = DERIVED["height"](case) > settings.infratentorial_mm
    regions = []
    for label, found in enumerate(ndimage.find_objects(labels), start=1):
        component = labels[found] == label
        if component.sum() * spacing**3 <= settings.min_volume_mm3:
            continue
        box = _padded(found, settings.padding, labels.shape)
        component = labels[box] == label
        regions.append(
            Region(
                box,
                component,
                infratentorial=bool(below[box][component].mean() > 0.5),
                true=reference is not None and bool(reference[box][component].any()),
            )
        )
    return regions


def framed(array: NDArray[Any], box: Box, frame: Sequence[int]) -> NDArray[Any]:
    """The part of ``array`` (..., I, J, K) in ``box``, in the middle of zeros where ``frame`` (voxels) is larger.

    Networks see regions so in training and when applied, so that regions of many sizes share a batch.
    """
    part = array[(..., *box)]
    missing = [max(side - n, 0) for side, n in zip(frame, part.shape[-3:], strict=True)]
    widths = [(0, 0)] * (part.ndim - 3) + [(n // 2, n - n // 2) for n in missing]
    return np.pad(part, widths)


def apply_stage(
    stage: Stage, networks: Sequence[torch.nn.Module], case: Case, channels: Image, limits: Limits
) -> Image:
    """Mean over ``networks`` of the probability of new lesions, float32 (I, J, K); 0 outside all regions.

    Parameters
    ----------
    networks
        The members, (N, C, i, j, k) to logits (N, 1, i, j, k), in evaluation mode.
    channels
        The stage's inputs on the case's grid, (C, I, J, K).
    limits
        ``patch`` shrinks the frame as in training; ``device`` and ``threads`` are what it runs on.

    Raises
    ------
    ConfigError
        If the channels are not on the case's grid, where the regions are.
    """
    if channels.shape[1:] != case.brain.shape:
        raise ConfigError(
            f"stage {stage.name}: its inputs have {channels.shape[1:]} voxels, the pair {case.brain.shape}; "
            "regions need prepare.spacing_mm: null"
        )
    regions = find_regions(case, RegionSettings.of(stage))
    device = device_of(limits.device)
    members = [network.to(device) for network in networks]

    def probabilities(batch: NDArray[Any]) -> Image:
        inputs = torch.from_numpy(np.ascontiguousarray(batch, dtype=np.float32)).to(device)
        total = np.zeros((len(batch), *batch.shape[2:]), np.float32)
        for network in members:
            total += torch.sigmoid(network(inputs)[:, 0].float()).cpu().numpy()
        return np.asarray(total / len(members), np.float32)

    boxes = [region.box for region in regions]
    with torch.inference_mode(), threads_of(limits.threads):
        values = over_boxes(probabilities, channels, boxes, frame_of(stage, limits))
    return nearest_centre(boxes, values, case.brain.shape)


def frame_of(stage: Stage, limits: Limits) -> tuple[int, int, int]:
    """The frame of a stage's regions in voxels: its training patch times ``limits.patch``, at least 8."""
    i, j, k = (max(8, round(side * limits.patch)) for side in stage.sample.patch)
    return i, j, k


def over_boxes(
    function: Callable[[NDArray[Any]], Image], channels: Image, boxes: Sequence[Box], frame: Sequence[int]
) -> list[Image]:
    """``function`` ((N, C, i, j, k) to (N, i, j, k)) over every box, framed; each result has its box's shape."""
    results: dict[int, Image] = {}
    for numbers in _batches(boxes, frame):
        batch = np.stack([framed(channels, boxes[n], frame) for n in numbers])
        for n, output in zip(numbers, in_parts(function, batch), strict=True):
            results[n] = _unframed(output, boxes[n])
    return [results[n] for n in range(len(boxes))]


def in_parts(
    function: Callable[[NDArray[Any]], Image], batch: NDArray[Any], largest: int = _LARGEST, halo: int = _HALO
) -> Image:
    """``function`` over parts of ``batch`` (N, C, i, j, k) of at most about ``largest`` voxels, which share a margin.

    The result is that of the whole for a network that sees no farther than ``halo`` voxels.
    """
    shape = batch.shape[2:]
    longest = int(np.argmax(shape))
    middle = shape[longest] // 2
    if np.prod(shape) <= largest or middle <= 2 * halo:
        return function(batch)
    axis = longest + 2
    first, second = np.split(batch, [middle + halo], axis)[0], np.split(batch, [middle - halo], axis)[1]
    outputs = [in_parts(function, part, largest, halo) for part in (first, second)]
    kept = [np.split(outputs[0], [middle], axis - 1)[0], np.split(outputs[1], [halo], axis - 1)[1]]
    return np.concatenate(kept, axis - 1)


def nearest_centre(boxes: Iterable[Box], values: Iterable[Image], shape: tuple[int, ...]) -> Image:
    """One array of ``shape``: per voxel the value of that box whose centre is nearest (p. 95), 0 outside all."""
    result = np.zeros(shape, np.float32)
    nearest = np.full(shape, np.inf, np.float32)
    for box, value in zip(boxes, values, strict=True):
        i, j, k = (np.arange(side.start, side.stop) - (side.start + side.stop - 1) / 2 for side in box)
        distance = np.asarray(i[:, None, None] ** 2 + j[:, None] ** 2 + k**2, dtype=np.float32)
        closer = distance < nearest[box]
        nearest[box] = np.where(closer, distance, nearest[box])
        result[box] = np.where(closer, value, result[box])
    return result


def _batches(boxes: Sequence[Box], frame: Sequence[int]) -> Iterator[list[int]]:
    """Numbers of boxes whose framed shapes are equal, few enough for one pass."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for number, box in enumerate(boxes):
        shape = tuple(max(side.stop - side.start, n) for side, n in zip(box, frame, strict=True))
        groups.setdefault(shape, []).append(number)
    for shape, numbers in groups.items():
        size = max(1, _BATCH_VOXELS // int(np.prod(shape)))
        for first in range(0, len(numbers), size):
            yield numbers[first : first + size]


def _unframed(output: Image, box: Box) -> Image:
    lengths = [side.stop - side.start for side in box]
    first = [max(n - length, 0) // 2 for n, length in zip(output.shape, lengths, strict=True)]
    return output[tuple(slice(start, start + length) for start, length in zip(first, lengths, strict=True))]


def _padded(box: tuple[slice, ...], padding: int, shape: tuple[int, ...]) -> Box:
    i, j, k = (
        slice(max(side.start - padding, 0), min(side.stop + padding, n)) for side, n in zip(box, shape, strict=True)
    )
    return i, j, k
