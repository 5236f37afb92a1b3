"""How fast a training is, next to what the machine's convolutions can do."""

from __future__ import annotations

import copy
import time
from functools import cache

import torch
from torch.utils.flop_counter import FlopCounterMode

from newlesions.learn.networks.batch import Batch
from newlesions.learn.networks.losses import Loss

_SIZES = {"cpu": (1, 32, 40), "cuda": (4, 128, 96)}
_REPEATS = 3


@cache
def conv_peak(device: torch.device, dtype: torch.dtype | None = None) -> float:
    """Floating point operations per second of a large 3D convolution (3^3, as many channels out as in), best of 3.

    Measured once in a process.
    """
    count, channels, side = _SIZES[device.type]
    kind = dtype or torch.float32
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(count, channels, side, side, side, generator=generator).to(device, kind)
    weight = torch.randn(channels, channels, 3, 3, 3, generator=generator).to(device, kind)
    if device.type == "cuda":
        image, weight = (tensor.contiguous(memory_format=torch.channels_last_3d) for tensor in (image, weight))
    seconds = []
    with torch.inference_mode():
        torch.nn.functional.conv3d(image, weight, padding=1)
        for _ in range(_REPEATS):
            _wait(device)
            began = time.perf_counter()
            torch.nn.functional.conv3d(image, weight, padding=1)
            _wait(device)
            seconds.append(time.perf_counter() - began)
    return 2 * 27 * channels**2 * count * side**3 / min(seconds)


def step_flops(network: torch.nn.Module, loss: Loss, batch: Batch) -> float:
    """Floating point operations of one batch, forward and backward, on a copy of ``network``."""
    tried = copy.deepcopy(network).train()
    with FlopCounterMode(display=False) as counter:
        loss(tried(batch.inputs), batch.target, batch.valid, batch.weight).backward()
    return float(counter.get_total_flops())


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
