"""Slices over a volume: those of each view, as windows that are one voxel thick, and the middle of stacks of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from newlesions.detect.networks.window import mirrors

Image = NDArray[np.float32]


class Slices(torch.nn.Module):
    """A 2D network as one of volumes that are one voxel thick along ``axis``.

    The slice's axes are the volume's other two in their order: (J, K) in sagittal slices (axis 0), (I, K) in coronal
    (1) and (I, J) in axial ones (2).
    """

    def __init__(self, network: torch.nn.Module, axis: int) -> None:
        super().__init__()
        self.network, self.axis = network, axis

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, C, *patch) to (N, O, *patch), one of whose sides is 1."""
        return self.network(images.squeeze(self.axis + 2)).unsqueeze(self.axis + 2)


class MirroredStacks(torch.nn.Module):
    """The mean of a network of slices with neighbours over mirrored versions of what it sees.

    To mirror a volume across its slices' own axis exchanges the neighbours before and behind each.

    Parameters
    ----------
    network
        Of slices, (N, C * (1 + 2 n), ., .) to (N, O, ., .).
    axis
        The slices' axis.
    versions
        Axes of the volume, (0, 1, 2), along which each version is mirrored.
    slices
        1 + 2 n.
    """

    def __init__(self, network: torch.nn.Module, axis: int, versions: Sequence[tuple[int, ...]], slices: int) -> None:
        super().__init__()
        self.network, self.axis, self.slices, self.versions = network, axis, slices, tuple(versions)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, C * (1 + 2 n), ., .) to the mean, (N, O, ., .)."""
        outputs = []
        for axes in self.versions:
            within = [one + 2 - (one > self.axis) for one in axes if one != self.axis]
            seen = images
            if self.axis in axes:
                seen = images.unflatten(1, (-1, self.slices)).flip(2).flatten(1, 2)
            outputs.append(self.network(seen.flip(within)).flip(within))
        return torch.stack(outputs).mean(0)


class Rimless(torch.nn.Module):
    """A network whose answer for the outermost voxels of its window, ``rim`` of them at either end of each axis, is
    left out."""

    def __init__(self, network: torch.nn.Module, rim: Sequence[int]) -> None:
        super().__init__()
        self.network, self.rim = network, tuple(rim)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, C, *patch) to (N, O, *patch), each side shorter by two rims."""
        output: torch.Tensor = self.network(images)
        inner = tuple(slice(n, side - n) for n, side in zip(self.rim, output.shape[2:], strict=True))
        return output[(..., *inner)]


def stacked(channels: Image, axis: int, neighbours: int) -> Image:
    """Each image with its slices' neighbours: (C, I, J, K) to (C * (1 + 2 n), I, J, K).

    The channels of an image are its slices from -n to n, in this order, behind one another; beyond its ends an image is
    continued by its outermost slices.
    """
    last = channels.shape[axis + 1] - 1
    at = np.arange(last + 1)
    moved = [np.take(channels, np.clip(at + n, 0, last), axis + 1) for n in range(-neighbours, neighbours + 1)]
    return np.stack(moved, axis=1).reshape(-1, *channels.shape[1:])


def window_of(axis: int, patch: Sequence[int]) -> tuple[int, ...]:
    """The sides of a 3D window that holds one slice's patch, (2,) to (3,)."""
    return (*patch[:axis], 1, *patch[axis:])


def flips_of(axis: int, flips: Sequence[Any]) -> list[tuple[int, ...]]:
    """What is left of ``flips`` in the slices of a view: to mirror across them changes nothing."""
    within = [tuple(one for one in axes if one != axis) for axes in mirrors(flips)]
    return [axes for axes in dict.fromkeys(within) if axes]
