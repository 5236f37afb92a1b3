"""Hard examples, found by a running mean of the network in training (schmidtmengin2021, proceedings pp. 90-91)."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch

from newlesions.learn.networks.batch import Batch
from newlesions.learn.networks.losses import Loss


class Miner:
    """The teacher of "online hard example mining": it ranks the patches of a batch, and the network learns the worst.

    Parameters
    ----------
    network
        In training; the teacher begins with its weights.
    keep
        How many patches of each batch train.
    decay
        Of the teacher's weights: w' = decay w' + (1 - decay) w after each step.
    """

    def __init__(self, network: torch.nn.Module, keep: int, decay: float) -> None:
        self.teacher = copy.deepcopy(network).requires_grad_(False).eval()
        self.keep, self.decay = keep, decay

    @torch.no_grad()
    def hardest(self, batch: Batch, loss: Loss, half: torch.dtype | None = None) -> Batch:
        """The patches of ``batch`` with the largest loss of the teacher, hardest first; of equal ones the first."""
        with torch.autocast(batch.inputs.device.type, dtype=half, enabled=half is not None):
            outputs = self.teacher(batch.inputs)
        errors = [
            loss(outputs[n : n + 1], batch.target[n : n + 1], batch.valid[n : n + 1]) for n in range(len(batch.weight))
        ]
        order = torch.sort(torch.stack(errors), descending=True, stable=True).indices[: self.keep]
        return Batch(batch.inputs[order], batch.target[order], batch.valid[order], batch.weight[order])

    @torch.no_grad()
    def follow(self, network: torch.nn.Module) -> None:
        """Move the teacher towards ``network``; buffers are copied."""
        torch._foreach_lerp_(list(self.teacher.parameters()), list(network.parameters()), 1 - self.decay)
        for old, new in zip(self.teacher.buffers(), network.buffers(), strict=True):
            old.copy_(new)

    @classmethod
    def of(cls, network: torch.nn.Module, entry: Mapping[str, Any] | None) -> Miner | None:
        """From a recipe's ``optimise.mine``; None where there is none."""
        return None if entry is None else cls(network, int(entry["keep"]), float(entry["decay"]))
