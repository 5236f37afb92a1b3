"""Training steps: from batches to weights, the same whether or not it was interrupted."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from newlesions.errors import InputError
from newlesions.learn.networks.batch import Batch
from newlesions.learn.networks.checkpoint import Checkpoint
from newlesions.learn.networks.losses import Loss
from newlesions.learn.networks.mine import Miner
from newlesions.learn.networks.optimise import blend, looks_without_gain, make_optimiser, make_schedule
from newlesions.networks.stages import Optimise

ROW = 25
"""Steps that a line of the log stands for."""
_SAVE_SECONDS = 300.0
_TELL_SECONDS = 5.0
_SAFE = 4


@dataclass
class Row:
    """A line of the log: mean loss of the last steps, learning rate, score of the look at this step."""

    step: int
    loss: float
    lr: float
    score: float | None = None


@dataclass
class Report:
    """What a training was.

    Attributes
    ----------
    log
        A row every `ROW` steps, at looks and at the end.
    steps, patches
        What was done, over all sittings.
    seconds
        Of steps alone, without looks and reading, over all sittings.
    best
        Step and score of the selected look; None where the last weights are the result.
    stopped
        Whether it ended early.
    """

    log: list[Row] = field(default_factory=list)
    steps: int = 0
    patches: int = 0
    seconds: float = 0.0
    best: tuple[int, float] | None = None
    stopped: bool = False


class Training:
    """One network in training.

    Parameters
    ----------
    network
        On its device.
    loss
        Of a batch.
    optimise
        How.
    steps
        How many optimiser steps, which the learning rate's shares refer to.
    seed
        Of what is random within the network (dropout).
    name
        Of the training, for messages.
    frozen
        Parts of ``network`` that stay as they are, in evaluation mode.
    half
        The type of the network's products, of `half_precision`; None: float32.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        loss: Loss,
        optimise: Optimise,
        steps: int,
        seed: int,
        name: str = "training",
        frozen: Sequence[torch.nn.Module] = (),
        half: torch.dtype | None = None,
    ) -> None:
        self.network, self.loss, self.optimise, self.steps = network, loss, optimise, steps
        self.seed, self.name, self.frozen = seed, name, frozen
        self.device = next(network.parameters()).device
        self.optimiser = make_optimiser(network.parameters(), optimise)
        self.schedule = make_schedule(optimise.schedule, steps)
        self.mean = copy.deepcopy(network).requires_grad_(False) if optimise.ema is not None else None
        self.miner = Miner.of(network, optimise.mine)
        self.half = half
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.half is torch.float16)
        self.report = Report()
        self.looks: list[float] = []
        self._pending: list[torch.Tensor] = []
        self._best: dict[str, torch.Tensor] | None = None

    @property
    def result(self) -> torch.nn.Module:
        """The network that counts: of the mean weights where they are kept."""
        return self.network if self.mean is None else self.mean

    def run(
        self,
        batches: Callable[[int], Iterator[Batch]],
        checkpoint: Checkpoint | None = None,
        validate: Callable[[torch.nn.Module], float] | None = None,
        tell: Callable[[Report, int], None] = lambda report, steps: None,
        until: int | None = None,
    ) -> torch.nn.Module:
        """Train to the end and return the selected network, in evaluation mode.

        Parameters
        ----------
        batches
            Called with the number of the first batch; gives that batch and those after it.
        checkpoint
            Where the state is kept, read first.
        validate
            The score of a network, the higher the better; None: the negative training loss steers the schedule, and
            the last weights are the result.
        tell
            Called every few seconds and at looks with the report and the number of steps.
        until
            Stop here with a checkpoint, as if killed.

        Raises
        ------
        InputError
            If the loss is not finite.
        """
        if checkpoint is not None and (state := checkpoint.read()) is not None:
            self._restore(state)
        source = batches(self.report.steps * self.optimise.accumulate)
        saved = told = time.monotonic()
        while not self._is_done():
            if until is not None and self.report.steps >= until:
                break
            self._step(source)
            is_look = self._is_look()
            if is_look or self.report.steps % ROW == 0 or self.report.steps == self.steps:
                self._note()
            if is_look:
                self._look(validate)
            now = time.monotonic()
            if checkpoint is not None and (is_look or now - saved > _SAVE_SECONDS):
                checkpoint.write(self._state())
                saved = now
            if is_look or now - told > _TELL_SECONDS:
                tell(self.report, self.steps)
                told = now
        if until is not None and checkpoint is not None and not self._is_done():
            checkpoint.write(self._state())
        if self._best is not None:
            self.result.load_state_dict(self._best)
        return self.result.eval()

    def _is_done(self) -> bool:
        return self.report.stopped or self.report.steps >= self.steps

    def _is_look(self) -> bool:
        return self.report.steps % self.optimise.validate_every == 0 or self.report.steps == self.steps

    def _step(self, source: Iterator[Batch]) -> None:
        began = time.monotonic()
        step, parts = self.report.steps, self.optimise.accumulate
        torch.manual_seed(_mixed(self.seed, step))  # dropout draws the same after a restart
        self.network.train()
        for part in self.frozen:
            part.eval()
        rate = self.optimise.lr * self.schedule(step, self.looks)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self.device)
        for _ in range(parts):
            batch = next(source).to(self.device)
            if self.miner is not None:
                batch = self.miner.hardest(batch, self.loss, self.half)
            value = self._forward(batch) / parts
            self.scaler.scale(value).backward()
            total += value.detach()
            self.report.patches += len(batch.weight)
        if self.optimise.clip is not None:
            self.scaler.unscale_(self.optimiser)
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.optimise.clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        if self.mean is not None and self.optimise.ema is not None:
            blend(self.mean, self.network, self.optimise.ema, step)
        if self.miner is not None:
            self.miner.follow(self.network)
        self._pending.append(total)
        self.report.steps += 1
        self.report.seconds += time.monotonic() - began

    def _forward(self, batch: Batch) -> torch.Tensor:
        with torch.autocast(self.device.type, dtype=self.half, enabled=self.half is not None):
            outputs = self.network(batch.inputs)
        return self.loss(outputs, batch.target, batch.valid, batch.weight)

    def _note(self) -> None:
        """A row of the log, for many steps at once."""
        if not self._pending:
            return
        values = self._finite()
        self._pending = []
        rate = self.optimiser.param_groups[0]["lr"]
        self.report.log.append(Row(self.report.steps, sum(values) / len(values), rate))

    def _finite(self) -> list[float]:
        """The losses since the last row; reading them waits for the device."""
        values = torch.stack(self._pending).tolist() if self._pending else []
        for number, value in enumerate(values, start=self.report.steps - len(values) + 1):
            if not math.isfinite(value):
                raise InputError(
                    self.name,
                    f"a loss of {value} at step {number} of {self.steps}",
                    "a finite loss: a lower lr, clip, amp: false or finite images",
                )
        return values

    def _look(self, validate: Callable[[torch.nn.Module], float] | None) -> None:
        row, how = self.report.log[-1], self.optimise
        if validate is None:
            since = [old.loss for old in self.report.log if old.step > row.step - how.validate_every]
            self.looks.append(-sum(since) / len(since))
            return
        row.score = validate(self.result.eval())
        self.looks.append(row.score)
        if how.select == "best" and (self.report.best is None or row.score > self.report.best[1]):
            self.report.best = (row.step, row.score)
            self._best = {name: value.detach().clone() for name, value in self.result.state_dict().items()}
        if how.patience is not None and looks_without_gain(self.looks) >= how.patience:
            self.report.stopped = True

    def _state(self) -> dict[str, Any]:
        report = self.report
        return {
            "network": self.network.state_dict(),
            "mean": self.mean.state_dict() if self.mean is not None else None,
            "teacher": self.miner.teacher.state_dict() if self.miner is not None else None,
            "best_weights": self._best,
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "looks": self.looks,
            "pending": self._finite(),
            "log": [[row.step, row.loss, row.lr, row.score] for row in report.log],
            "report": [report.steps, report.patches, report.seconds, report.best, report.stopped],
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        if self.mean is not None:
            self.mean.load_state_dict(state["mean"])
        if self.miner is not None:
            self.miner.teacher.load_state_dict(state["teacher"])
        self._best = state["best_weights"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.scaler.load_state_dict(state["scaler"])
        self.looks = list(state["looks"])
        self._pending = [torch.tensor(value, device=self.device) for value in state["pending"]]
        steps, patches, seconds, best, stopped = state["report"]
        rows = [Row(*row) for row in state["log"]]
        self.report = Report(rows, steps, patches, seconds, best, stopped)


def half_precision(device: torch.device, narrowest: int) -> torch.dtype | None:
    """bfloat16 on a GPU or a CPU that multiplies it, float16 on another GPU, None on another CPU.

    A training step of a U-Net takes 0.6 of the time on a CPU with AVX512-BF16. There, torch 2.13's gradients of
    convolutions read memory that nobody wrote where a feature map is 1 or 2 voxels wide (now and then NaN, and never
    the same twice), so networks whose ``narrowest`` map has fewer than `_SAFE` voxels along a side stay in float32.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    has = torch.cpu.get_capabilities()
    fast = has.get("avx512_bf16") or has.get("amx_bf16")
    return torch.bfloat16 if fast and narrowest >= _SAFE else None


def _mixed(seed: int, step: int) -> int:
    return (seed * 1_000_003 + step) % 2**63
