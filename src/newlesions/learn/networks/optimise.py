"""Optimisers, learning rates over time, and the running mean of the weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch

from newlesions.errors import ConfigError
from newlesions.networks.stages import Optimise

Schedule = Callable[[int, Sequence[float]], float]
"""(step, scores of the looks so far) -> share of the learning rate. It holds no state, so a resumed training follows
the same line."""


def make_optimiser(parameters: Iterable[torch.nn.Parameter], optimise: Optimise) -> torch.optim.Optimizer:
    """Adam, AdamW or SGD with momentum.

    Raises
    ------
    ConfigError
        If the name is none of these, or nothing is left to train.
    """
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    if not trained:
        raise ConfigError("optimise: found no weight that may change; expected some that are not frozen")
    rate, decay = optimise.lr, optimise.weight_decay
    first, second = optimise.betas
    if optimise.name == "adam":
        return torch.optim.Adam(trained, lr=rate, betas=(first, second), weight_decay=decay)
    if optimise.name == "adamw":
        return torch.optim.AdamW(trained, lr=rate, betas=(first, second), weight_decay=decay)
    if optimise.name == "sgd":
        return torch.optim.SGD(trained, lr=rate, momentum=optimise.momentum, weight_decay=decay)
    raise ConfigError(f"optimise: found name {optimise.name!r}; expected adam, adamw or sgd")


def make_schedule(entry: Mapping[str, Any], steps: int) -> Schedule:
    """The learning rate over ``steps``, as a share of the first.

    ========  ========================================================================================================
    constant  1
    cosine    from 1 to ``end`` (0) along half a cosine
    steps     times ``factor`` (0.1) at each of ``milestones``, shares of the training
    epochs    times ``factor`` (0.9) after each of ``epochs`` (10) equal parts of the training
    linear    1 until the share ``after`` (0), then along a line to ``end`` (0)
    poly      what is left of the training to the power of ``power`` (0.9)
    plateau   times ``factor`` (0.1) after ``patience`` (10) looks in a row without a gain above ``gain`` (0)
    restarts  cosine again and again: the first lasts the share ``period`` (0.1), each further ``growth`` (1) times as
              long, from 1 to ``end`` (0)
    ========  ========================================================================================================

    All take ``warmup`` (0): over that share of the training the rate rises along a line.

    Raises
    ------
    ConfigError
        If the name or an option is unknown.
    """
    options = dict(entry)
    name, warmup = options.pop("name", None), float(options.pop("warmup", 0.0)) * steps
    if name not in _SCHEDULES:
        raise ConfigError(f"schedule: found {name!r}; expected one of {', '.join(_SCHEDULES)}")
    make, known = _SCHEDULES[name]
    unknown = sorted(options.keys() - known)
    if unknown:
        allowed = ", ".join(sorted(known | {"warmup"}))
        raise ConfigError(f"schedule {name}: found option {unknown[0]!r}; expected one of {allowed}")
    shape = make(steps, **options)

    def factor(step: int, looks: Sequence[float]) -> float:
        return shape(step, looks) * (min(1.0, (step + 1) / warmup) if warmup else 1.0)

    return factor


@torch.no_grad()
def blend(mean: torch.nn.Module, network: torch.nn.Module, decay: float, updates: int) -> None:
    """Move ``mean``, of the same kind as ``network``, towards it: the running mean of weights; buffers are copied.

    Early on the mean is over few steps, so the decay starts low: min(decay, (1 + n) / (10 + n)) after n ``updates``.
    """
    now = min(decay, (1 + updates) / (10 + updates))
    torch._foreach_lerp_(list(mean.parameters()), list(network.parameters()), 1 - now)
    for old, new in zip(mean.buffers(), network.buffers(), strict=True):
        old.copy_(new)


def looks_without_gain(looks: Sequence[float], gain: float = 0.0) -> int:
    """How many looks lie after the last that beat all before it by more than ``gain``."""
    best, at = -math.inf, -1
    for number, score in enumerate(looks):
        if score > best + gain or at < 0:
            best, at = score, number
    return len(looks) - 1 - at


def _constant(steps: int) -> Schedule:
    return lambda step, looks: 1.0


def _cosine(steps: int, end: float = 0.0) -> Schedule:
    return lambda step, looks: end + (1 - end) * (1 + math.cos(math.pi * min(step / steps, 1.0))) / 2


def _steps(steps: int, milestones: Sequence[float] = (0.5, 0.8), factor: float = 0.1) -> Schedule:
    return lambda step, looks: factor ** sum(step >= round(share * steps) for share in milestones)


def _epochs(steps: int, epochs: int = 10, factor: float = 0.9) -> Schedule:
    return lambda step, looks: factor ** (step * epochs // steps)


def _linear(steps: int, after: float = 0.0, end: float = 0.0) -> Schedule:
    def factor(step: int, looks: Sequence[float]) -> float:
        gone = max(0.0, step / steps - after) / max(1 - after, 1e-9)
        return 1 + (end - 1) * min(gone, 1.0)

    return factor


def _poly(steps: int, power: float = 0.9) -> Schedule:
    return lambda step, looks: (1 - min(step / steps, 1.0)) ** power


def _plateau(steps: int, factor: float = 0.1, patience: int = 10, gain: float = 0.0) -> Schedule:
    def share(step: int, looks: Sequence[float]) -> float:
        best, waited, drops = -math.inf, 0, 0
        for score in looks:
            if score > best + gain:
                best, waited = score, 0
                continue
            waited += 1
            if waited >= patience:
                waited, drops = 0, drops + 1
        return factor**drops

    return share


def _restarts(steps: int, period: float = 0.1, growth: float = 1.0, end: float = 0.0) -> Schedule:
    if growth < 1:
        raise ConfigError(f"schedule restarts: found growth {growth:g}; expected 1 or more")

    def factor(step: int, looks: Sequence[float]) -> float:
        length, start = max(period * steps, 1.0), 0.0
        while step >= start + length:
            start, length = start + length, length * growth
        return end + (1 - end) * (1 + math.cos(math.pi * (step - start) / length)) / 2

    return factor


_SCHEDULES: dict[str, tuple[Callable[..., Schedule], frozenset[str]]] = {
    "constant": (_constant, frozenset()),
    "cosine": (_cosine, frozenset({"end"})),
    "steps": (_steps, frozenset({"milestones", "factor"})),
    "epochs": (_epochs, frozenset({"epochs", "factor"})),
    "linear": (_linear, frozenset({"after", "end"})),
    "poly": (_poly, frozenset({"power"})),
    "plateau": (_plateau, frozenset({"factor", "patience", "gain"})),
    "restarts": (_restarts, frozenset({"period", "growth", "end"})),
}
