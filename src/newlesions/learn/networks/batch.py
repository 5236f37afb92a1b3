"""Elements that a network learns from, and the batches made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray


class Element(NamedTuple):
    """One patch.

    Attributes
    ----------
    inputs
        float32, (C, *spatial), or wider by what a network sees around its patch.
    target
        float32, (O, *spatial).
    valid
        float32, (*spatial): the weight of each voxel in the loss, 0 where the patch is padded.
    weight
        Of the element in the loss.
    """

    inputs: NDArray[np.float32]
    target: NDArray[np.float32]
    valid: NDArray[np.float32]
    weight: float = 1.0

    def mirrored(self, axis: int) -> Element:
        """The same, mirrored along one of its spatial axes."""
        flipped = (np.flip(array, axis - self.valid.ndim) for array in (self.inputs, self.target, self.valid))
        inputs, target, valid = (np.ascontiguousarray(array) for array in flipped)
        return Element(inputs, target, valid, self.weight)


@dataclass
class Batch:
    """Elements side by side, as tensors: inputs (N, C, *spatial), target (N, O, *spatial), valid (N, 1, *spatial),
    weight (N,), all float32."""

    inputs: torch.Tensor
    target: torch.Tensor
    valid: torch.Tensor
    weight: torch.Tensor

    def to(self, device: torch.device) -> Batch:
        """On ``device``; on a GPU with channels last, where its convolutions are faster."""
        inputs = self.inputs.to(device, non_blocking=True)
        if device.type == "cuda":
            inputs = inputs.contiguous(memory_format=_LAST[inputs.ndim])
        rest = (part.to(device, non_blocking=True) for part in (self.target, self.valid, self.weight))
        return Batch(inputs, *rest)


_LAST = {3: torch.contiguous_format, 4: torch.channels_last, 5: torch.channels_last_3d}


def collate(elements: Sequence[Element], multiple: int | Sequence[int] = 1) -> Batch:
    """Stack ``elements``; smaller ones are padded at their ends to the largest, whose sides grow to a ``multiple``.

    Images are continued by their last voxels, so that a border of nothing is not seen; padded voxels are not valid.
    """
    sides = np.max([element.valid.shape for element in elements], axis=0)
    sides = -(-sides // np.asarray(multiple)) * multiple
    shape = tuple(int(side) for side in sides)
    around = elements[0].inputs.shape[1] - elements[0].valid.shape[0]
    seen = tuple(side + around for side in shape)
    return Batch(
        torch.from_numpy(np.stack([_padded(element.inputs, seen, mode="edge") for element in elements])),
        torch.from_numpy(np.stack([_padded(element.target, shape) for element in elements])),
        torch.from_numpy(np.stack([_padded(element.valid[None], shape) for element in elements])),
        torch.tensor([element.weight for element in elements], dtype=torch.float32),
    )


def _padded(array: NDArray[Any], shape: tuple[int, ...], **how: Any) -> NDArray[np.float32]:
    missing = [(0, 0), *((0, side - now) for side, now in zip(shape, array.shape[1:], strict=True))]
    return np.ascontiguousarray(np.pad(array, missing, **how), dtype=np.float32)
