"""A network over a volume larger than what it sees at once: overlapping windows, only where the mask is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from monai.data.utils import compute_importance_map, dense_patch_slices
from numpy.typing import NDArray

from newlesions.errors import ConfigError
from newlesions.images.morphology import Mask, bounding_box

Image = NDArray[np.float32]
Box = tuple[slice, ...]

VOXELS_AT_ONCE = {"cpu": 64**3, "cuda": 4 * 96**3}
"""How many voxels a batch of windows holds at most (but always one window). More gains nothing."""

SURROUNDINGS = 2
"""Voxels around the mask that windows hold at least, where the volume has them."""

_ORDERS = {4: torch.channels_last, 5: torch.channels_last_3d}


def predict(
    network: torch.nn.Module,
    channels: Image,
    mask: Mask,
    patch: Sequence[int],
    *,
    overlap: float = 0.5,
    weighting: str = "gaussian",
    flips: Sequence[Any] = (),
    device: str = "auto",
    threads: int | None = None,
    batch: int | None = None,
    multiple: int | Sequence[int] | None = None,
    half: str | None = "bfloat16",
    margin: int | Sequence[int] = 0,
) -> Image:
    """The network's output, weighted and averaged over windows and mirrored images.

    Inside the mask the result is that of MONAI's ``sliding_window_inference`` over the mask's box and a little around
    it: windows that hold no voxel of the mask add nothing there and are left out.

    Parameters
    ----------
    network
        In evaluation mode; from (N, C, *patch) to (N, O, *patch).
    channels
        (C, I, J, K). A volume smaller than a window is continued by its outermost voxels.
    mask
        Where the result is wanted, (I, J, K).
    patch
        A window's sides in voxels.
    overlap
        Of neighbouring windows, as a share of their sides, in [0, 1).
    weighting
        ``constant``, or ``gaussian``: a window's middle counts most (standard deviation 1/8 of its side).
    flips
        Axes, or lists of axes, along which the window is mirrored; the outputs are averaged with that of the window
        as it is.
    device, threads
        As in `networks.stages.Limits`; threads None: as many as torch is set to.
    batch
        Windows at once; None: as many as `VOXELS_AT_ONCE` holds. It does not bear on the result.
    multiple
        Windows are cut to the volume, up to a multiple of so many voxels (one number, or one for each axis), and begin
        at multiples of it along axes where their side is one (a slice's third axis is not cut); None: neither.
        As in training, where a small volume is continued no farther than the network needs. A network that halves its
        grid answers otherwise when its input moves by a voxel, so that windows must not begin anywhere.
    half
        The type of the network's products on a GPU, ``bfloat16`` or ``float16``; None: float32, as always on the CPU.
    margin
        How many voxels more than a window the network sees, on each side, along all axes or along each; it answers for
        the window alone.

    Returns
    -------
    ndarray
        float32, (O, I, J, K): the network's own output, before any sigmoid; 0 where no window came.

    Raises
    ------
    ValueError
        If the mask is empty.
    """
    more, grids = _per_axis(margin), _per_axis(1 if multiple is None else multiple)
    if multiple is not None:
        patch = [min(side, -(-n // grid) * grid) for side, n, grid in zip(patch, mask.shape, grids, strict=True)]
    steps = [_step(side, overlap, grid) for side, grid in zip(patch, grids, strict=True)]
    box, around = _window_box(mask, patch, steps, grids)
    seen = np.pad(channels, [(0, 0), *((n, n) for n in more)], mode="edge") if any(more) else channels
    inside = np.pad(seen[(slice(None), *_widened(box, more))], [(0, 0), *around], mode="edge")
    wanted = np.pad(mask[box], around)
    windows = [window for window in layout(wanted.shape, patch, steps) if wanted[window].any()]
    chosen = device_of(device)
    voxels = math.prod(side + 2 * n for side, n in zip(patch, more, strict=True))
    at_once = batch or max(1, VOXELS_AT_ONCE[chosen.type] // voxels)
    with torch.inference_mode(), threads_of(threads), _products(chosen, half):
        average = _averaged(network, inside, windows, weighting, mirrors(flips), chosen, at_once, more)
    part = tuple(slice(before, n - after) for (before, after), n in zip(around, wanted.shape, strict=True))
    result = np.zeros((len(average), *mask.shape), np.float32)
    result[(slice(None), *box)] = average[(slice(None), *part)]
    return result


def layout(shape: Sequence[int], patch: Sequence[int], steps: Sequence[int]) -> list[Box]:
    """The windows over a volume at least as large as one, as MONAI lays them: the last ones end at its border."""
    own = [n if n == side else step for n, side, step in zip(shape, patch, steps, strict=True)]
    return [tuple(window) for window in dense_patch_slices(tuple(shape), tuple(patch), own)]


def mirrors(flips: Sequence[Any]) -> list[tuple[int, ...]]:
    """The axes of each mirrored version, once each; the first, without any, is the image as it is."""
    axes = [tuple(sorted({flip} if isinstance(flip, int) else set(flip))) for flip in flips]
    return list(dict.fromkeys([(), *axes]))


def device_of(name: str) -> torch.device:
    """``auto`` (a GPU where there is one), ``cpu`` or ``cuda``.

    Raises
    ------
    ConfigError
        If ``cuda`` is asked for and there is no GPU.
    """
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise ConfigError("networks.device: found cuda, but no GPU that torch can use; expected auto or cpu")
    return torch.device("cuda" if there and name != "cpu" else "cpu")


@contextmanager
def threads_of(count: int | None) -> Iterator[None]:
    """As many threads of torch on the CPU inside: a fixed number gives the same bytes on every machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _window_box(
    mask: Mask, patch: Sequence[int], steps: Sequence[int], multiples: Sequence[int]
) -> tuple[Box, tuple[tuple[int, int], ...]]:
    """The mask's box with `SURROUNDINGS`, widened as far as it costs no further window, and what to add around it.

    At the box's border a network sees less than it has learned from; hence some room around the mask. The box begins
    at a multiple of ``multiples``, and where that asks for more than there is, the volume is continued.
    """
    box, around = [], []
    sides = zip(patch, steps, bounding_box(mask, SURROUNDINGS), mask.shape, multiples, strict=True)
    for side, step, own, n, multiple in sides:
        grid = _grid(side, multiple)
        first, whole = own.start // grid * grid, -(-n // grid) * grid
        least = own.stop - first
        size = min(side + step * max(-(-(least - side) // step), 0), max(whole, side))
        start = max(first - (size - least) // 2 // grid * grid, 0)
        start = max(min(start, whole - size), 0)
        stop = min(start + size, n)
        before = max(size - whole, 0) // 2 // grid * grid
        box.append(slice(start, stop))
        around.append((before, size - before - (stop - start)))
    return tuple(box), tuple(around)


def _grid(side: int, multiple: int) -> int:
    """What windows of that side begin at multiples of."""
    return multiple if side % multiple == 0 else 1


def _step(side: int, overlap: float, multiple: int) -> int:
    grid = _grid(side, multiple)
    return max(int(side * (1 - overlap)) // grid, 1) * grid


def _products(device: torch.device, half: str | None) -> AbstractContextManager[Any]:
    if device.type == "cpu" or half is None:
        return nullcontext()
    return torch.autocast(device.type, dtype=getattr(torch, half))


def _laid_out(network: torch.nn.Module) -> torch.nn.Module:
    """The weights with a voxel's channels side by side, the fastest order: by a fifth on a CPU, more on a GPU."""
    for weight in network.parameters():
        if weight.dim() in _ORDERS:
            weight.data = weight.data.contiguous(memory_format=_ORDERS[weight.dim()])
    return network


def _averaged(
    network: torch.nn.Module,
    channels: Image,
    windows: Sequence[Box],
    weighting: str,
    versions: Sequence[tuple[int, ...]],
    device: torch.device,
    batch: int,
    margin: Sequence[int],
) -> Image:
    network = _laid_out(network.to(device))
    whole = torch.from_numpy(np.ascontiguousarray(channels)).to(device)
    patch = tuple(side.stop - side.start for side in windows[0])
    weight = compute_importance_map(patch, mode=weighting, sigma_scale=0.125, device=device, dtype=torch.float32)
    shape = [side - 2 * n for side, n in zip(whole.shape[1:], margin, strict=True)]
    sums, weights = None, torch.zeros(shape, device=device)
    for start in range(0, len(windows), batch):
        some = windows[start : start + batch]
        images = torch.stack([whole[(slice(None), *_widened(window, margin))] for window in some])
        images = images.contiguous(memory_format=torch.channels_last_3d)
        outputs = _mirrored(network, images, versions)
        if sums is None:
            sums = torch.zeros((outputs.shape[1], *shape), device=device)
        # One after the other, so that sums do not depend on the batch.
        for window, output in zip(some, outputs, strict=True):
            sums[(slice(None), *window)] += output * weight
            weights[window] += weight
    assert sums is not None
    return np.asarray((sums / torch.where(weights > 0, weights, 1)).cpu().numpy())


def _per_axis(value: int | Sequence[int]) -> tuple[int, int, int]:
    i, j, k = (value,) * 3 if isinstance(value, int) else value
    return i, j, k


def _widened(window: Box, margin: Sequence[int]) -> Box:
    return tuple(slice(side.start, side.stop + 2 * n) for side, n in zip(window, margin, strict=True))


def _mirrored(network: torch.nn.Module, images: torch.Tensor, versions: Sequence[tuple[int, ...]]) -> torch.Tensor:
    total: torch.Tensor | None = None
    for axes in versions:
        dims = [axis + 2 for axis in axes]
        output = network(images.flip(dims) if dims else images).float()
        output = output.flip(dims) if dims else output
        total = output if total is None else total + output
    assert total is not None
    return total / len(versions)
