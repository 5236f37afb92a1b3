"""The arguments of networks: what a recipe writes beside a network's name, checked and brought into one form."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar

from newlesions.errors import ConfigError

Steps = tuple[int, ...]
"""One number per axis."""


LOGITS = "logits"
"""What a network gives whose ``final`` is nothing else."""

A = TypeVar("A", bound="Arguments")


@dataclass(frozen=True)
class Arguments:
    """What every network has: how many axes, and channels that can be scaled."""

    channels: tuple[int, ...] = ()
    outputs: int = 1

    def scaled(self, width: float) -> Self:
        """The same network with ``width`` times the channels."""
        return replace(self, channels=tuple(scaled(n, width) for n in self.channels))

    @property
    def dimensions(self) -> int:
        """Axes of a patch: 3, or 2 for a network of slices."""
        return 3

    @property
    def multiple(self) -> int:
        """What each side of a patch should be a multiple of."""
        return 1

    @property
    def multiples(self) -> Steps:
        """The same for each axis by itself, as where a network halves the planes of a stack but not their number."""
        return (self.multiple,) * self.dimensions

    @property
    def margin(self) -> int:
        """How many voxels around a patch, on each side, the network needs to see to answer for the patch."""
        return 0

    def check(self, name: str) -> None:
        """Raise `ConfigError` on an entry that no such network has."""
        widths = self.channels if isinstance(self.channels, tuple) else ()
        if not widths or not all(isinstance(n, int) and n > 0 for n in widths):
            raise ConfigError(f"network {name}: channels is {self.channels}; expected a list of positive whole numbers")


CHOICES = {
    "norm": ("instance", "batch", "group", "none"),
    "activation": ("relu", "leakyrelu", "prelu", "elu", "gelu"),
    "order": ("conv-norm-act", "norm-conv-act", "norm-act-conv"),
    "down": ("strided", "maxpool", "antialiased"),
    "up": ("transposed", "trilinear", "nearest", "interpolate", "antialiased"),
    "skip": ("concat", "add"),
    "dropout_at": ("down", "conv"),
    "final": (LOGITS, "tanh", "normalised_relu"),
}


@dataclass(frozen=True)
class UNetArguments(Arguments):
    """A U-Net.

    ``channels``: of each level, finest first. ``convs``: convolutions of a block, ``kernel``: their side (one number,
    or one entry per level; an entry is one number or one per axis). ``strides``: of each step down (so one fewer than
    levels). ``norm``: ``instance``, ``batch``, ``group`` (``groups`` of them, or groups of ``group_size`` channels) or
    ``none``. ``order``: of convolution, norm and activation. ``residual``: blocks add their input to their output.
    ``stem``: a bare convolution before the first block. ``own_blocks``: each input first passes a block of its own with
    so many channels; 0: none. ``down``: ``strided`` (the first convolution of a level's block), ``maxpool`` or
    ``antialiased`` (a convolution of its own and a blur that skips voxels). ``up``: ``transposed`` convolution (of side
    ``up_kernel``; null: the stride), ``trilinear`` or ``nearest`` interpolation
    after a 1x1x1 convolution, ``interpolate``: trilinear without one, so that the block narrows the channels, or
    ``antialiased``: the reverse of that step down. ``skip``: ``concat`` or ``add``. ``dropout``: its rate,
    ``dropout_at`` what enters each lower level (``down``) or after every convolution of a block (``conv``).
    ``deep_supervision``: how many levels, finest first, give logits in training. ``gates``: attention gates on the
    skips. ``standardise``: first each image of a patch to zero mean and unit variance. ``final``: ``logits``, or what
    gives probabilities (`networks.final`), with ``least_peak`` of ``normalised_relu``.
    """

    convs: int = 2
    kernel: Any = 3
    strides: Any = 2
    norm: str = "instance"
    groups: int = 8
    group_size: int = 0
    activation: str = "leakyrelu"
    order: str = "conv-norm-act"
    residual: bool = False
    stem: bool = False
    own_blocks: int = 0
    down: str = "strided"
    up: str = "transposed"
    up_kernel: int | None = None
    skip: str = "concat"
    dropout: float = 0.0
    dropout_at: str = "down"
    deep_supervision: int = 1
    gates: bool = False
    standardise: bool = False
    final: str = LOGITS
    least_peak: float = 0.0

    def scaled(self, width: float) -> Self:
        """The same network with ``width`` times the channels, those of the inputs' own blocks included."""
        own = scaled(self.own_blocks, width) if self.own_blocks else 0
        return replace(self, channels=tuple(scaled(n, width) for n in self.channels), own_blocks=own)

    @property
    def levels(self) -> int:
        """Resolutions, the finest included."""
        return len(self.channels)

    @property
    def kernels(self) -> tuple[Steps, ...]:
        """The sides of the kernels, per level."""
        return per_level(self.kernel, self.levels, self.dimensions)

    @property
    def steps(self) -> tuple[Steps, ...]:
        """The strides, per step down."""
        return per_level(self.strides, self.levels - 1, self.dimensions)

    @property
    def multiple(self) -> int:
        """The least common multiple of the axes' strides."""
        return math.lcm(*self.multiples)

    @property
    def multiples(self) -> Steps:
        """The strides of each axis, multiplied."""
        return tuple(math.prod(step[axis] for step in self.steps) for axis in range(self.dimensions))

    def check(self, name: str) -> None:
        """Raise `ConfigError` on an entry that no U-Net has."""
        super().check(name)
        _check_choices(name, self)
        if not isinstance(self.least_peak, int | float) or self.least_peak < 0:
            raise ConfigError(f"network {name}: least_peak is {self.least_peak}; expected 0 or more")
        for key, entries in (("kernel", self.levels), ("strides", self.levels - 1)):
            try:
                found = per_level(getattr(self, key), entries, self.dimensions)
            except ValueError:
                found = ((0,),)
            if any(side < 1 for entry in found for side in entry):
                expected = f"one number, or {entries} entries, each one number or {self.dimensions}"
                raise ConfigError(f"network {name}: {key} is {getattr(self, key)}; expected {expected}, all at least 1")
        if any(side % 2 == 0 for entry in self.kernels for side in entry):
            raise ConfigError(f"network {name}: kernel is {self.kernel}; expected odd sides")
        if not 1 <= self.deep_supervision <= max(self.levels - 1, 1):
            found_levels = f"deep_supervision is {self.deep_supervision}"
            raise ConfigError(f"network {name}: {found_levels}; expected 1 to {max(self.levels - 1, 1)} levels")
        if self.up == "interpolate" and self.skip == "add":
            raise ConfigError(f"network {name}: up is interpolate and skip is add; expected concat, or another up")
        own = [self.own_blocks] if self.own_blocks else []
        if self.norm == "group" and not self.group_size and any(n % self.groups for n in [*self.channels, *own]):
            raise ConfigError(f"network {name}: channels {list(self.channels)} do not divide into {self.groups} groups")
        if self.norm == "group" and self.group_size and any(n % self.group_size for n in [*self.channels, *own]):
            groups = f"groups of {self.group_size}"
            raise ConfigError(f"network {name}: channels {list(self.channels)} do not divide into {groups}")


@dataclass(frozen=True)
class UNet2dArguments(UNetArguments):
    """A U-Net of slices."""

    @property
    def dimensions(self) -> int:
        """Slices have two axes."""
        return 2


_FREE = ("strides", "kernel", "least_peak")
_FROM_ZERO = ("maps", "image", "group_size", "own_blocks")
_EXPECTED = {
    int: "a positive whole number",
    float: "a share, 0 or more and less than 1",
    bool: "true or false",
    str: "a word",
}


def scaled(channels: int, width: float) -> int:
    """``width`` times ``channels``, as a multiple of 4 and at least 4; unchanged for width 1."""
    return channels if width == 1 else max(4, 4 * round(channels * width / 4))


def per_level(value: Any, entries: int, dimensions: int) -> tuple[Steps, ...]:
    """``value`` as one tuple per level. ValueError when the lengths do not fit."""
    levels = list(value) if isinstance(value, Sequence) else [value] * entries
    if len(levels) != entries:
        raise ValueError(f"{len(levels)} entries for {entries} levels")
    result = []
    for entry in levels:
        sides = tuple(entry) if isinstance(entry, Sequence) else (entry,) * dimensions
        if len(sides) != dimensions or not all(isinstance(side, int) for side in sides):
            raise ValueError(f"{entry} for {dimensions} axes")
        result.append(sides)
    return tuple(result)


def read_arguments(name: str, kind: type[A], content: Mapping[str, Any]) -> A:
    """The arguments ``content`` of network ``name``. `ConfigError` names what is unknown, and what is known."""
    known = {entry.name for entry in dataclasses.fields(kind)}
    unknown = sorted(set(content) - known)
    if unknown:
        raise ConfigError(f"network {name} has no argument {unknown[0]}; known: {', '.join(sorted(known))}")
    arguments = kind(**{key: _tuples(value) for key, value in content.items()})
    _check_types(name, arguments)
    arguments.check(name)
    return arguments


def _check_types(name: str, arguments: Arguments) -> None:
    """Entries are of their default's type; whole numbers are at least 1, or 0 where that is the default."""
    for entry in dataclasses.fields(arguments):
        value, default = getattr(arguments, entry.name), entry.default
        if type(default) not in (int, float, bool, str) or entry.name in _FREE:
            continue
        right = type(value) in (int, float) if type(default) is float else type(value) is type(default)
        if right and type(default) is int:
            right = value >= (0 if entry.name in _FROM_ZERO else 1)
        if right and type(default) is float:
            right = 0 <= value < 1
        if not right:
            expected = _EXPECTED[type(default)]
            raise ConfigError(f"network {name}: {entry.name} is {value}; expected {expected}")


def _check_choices(name: str, arguments: Arguments) -> None:
    for key, choices in CHOICES.items():
        if getattr(arguments, key) not in choices:
            raise ConfigError(f"network {name}: {key} is {getattr(arguments, key)}; known: {', '.join(choices)}")


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value
