"""The blocks that networks are made of: convolutions with norm and activation, plain or residual."""

from __future__ import annotations

import math

import torch
from monai.networks.blocks import Convolution, UpSample
from monai.networks.layers import Conv, Norm
from monai.networks.layers.utils import get_act_layer
from monai.networks.nets.attentionunet import AttentionBlock
from torch import Tensor, nn

from newlesions.networks.arguments import Steps, UNetArguments

_LEAST_SD = 1e-6


class GroupNorm(nn.GroupNorm):
    """Group normalisation that also takes a single value per group.

    PyTorch refuses it in training, though the result is defined (the bias). It comes up at the lowest level when a
    recipe is tried with small patches.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``x``, shape (N, C, ...)."""
        return torch.group_norm(x, self.num_groups, self.weight, self.bias, self.eps, torch.backends.cudnn.enabled)


def norm(arguments: UNetArguments, channels: int) -> nn.Module:
    """The norm of ``channels``.

    ``group``: as many groups as divide both ``groups`` and ``channels``, since the images have fewer channels than
    there are groups, as scaled networks may; with ``group_size`` the same of a group's channels. Instance norm is the
    group norm of single channels.
    """
    if arguments.norm == "none":
        return nn.Identity()
    if arguments.norm == "batch":
        return Norm[Norm.BATCH, arguments.dimensions](channels)
    if arguments.norm == "instance":
        return GroupNorm(channels, channels)
    if arguments.group_size:
        return GroupNorm(channels // math.gcd(arguments.group_size, channels), channels)
    return GroupNorm(math.gcd(arguments.groups, channels), channels)


def activation(arguments: UNetArguments) -> nn.Module:
    """The activation; leaky rectifiers have slope 0.01."""
    return get_act_layer(arguments.activation)


def convolution(
    arguments: UNetArguments, inputs: int, outputs: int, kernel: Steps, stride: Steps | int = 1, bias: bool = True
) -> nn.Module:
    """A bare convolution that keeps the size, or divides it by ``stride``, rounded up."""
    return Convolution(
        arguments.dimensions, inputs, outputs, strides=stride, kernel_size=kernel, bias=bias, conv_only=True
    )


def pointwise(dimensions: int, inputs: int, outputs: int) -> nn.Module:
    """A convolution of side 1."""
    return Conv[Conv.CONV, dimensions](inputs, outputs, kernel_size=1)


def upsampling(arguments: UNetArguments, inputs: int, outputs: int, stride: Steps) -> nn.Module:
    """A step up."""
    if arguments.up == "transposed":
        return UpSample(
            arguments.dimensions, inputs, outputs, scale_factor=stride, kernel_size=arguments.up_kernel, mode="deconv"
        )
    mode = "nearest" if arguments.up == "nearest" else "linear"
    return UpSample(
        arguments.dimensions, inputs, outputs, stride, mode="nontrainable", interp_mode=mode, align_corners=None
    )


def gate(arguments: UNetArguments, channels: int) -> nn.Module:
    """An additive attention gate (Oktay et al. 2018), of half the channels: called with the signal from below, which
    has been brought up, and the skip; gives the skip, weighted voxel by voxel."""
    return AttentionBlock(arguments.dimensions, max(channels // 2, 1), channels, channels)


def standardised(x: Tensor) -> Tensor:
    """``x``, (N, C, ...), with zero mean and unit variance in each image; an image without contrast becomes 0."""
    axes = tuple(range(2, x.ndim))
    centred = x - x.mean(axes, keepdim=True)
    # Cut before the root, whose gradient at 0 is none.
    return centred / centred.square().mean(axes, keepdim=True).clamp_min(_LEAST_SD**2).sqrt()


class Block(nn.Module):
    """The convolutions of one level, the first with ``stride``; plain or residual.

    In a residual block of order norm-act-conv (He et al. 2016, the pre-activation block) the shortcut begins behind
    the first activation where it needs a convolution of side 1; in one of order conv-norm-act the last activation
    follows the sum.
    """

    def __init__(self, arguments: UNetArguments, inputs: int, outputs: int, kernel: Steps, stride: Steps) -> None:
        super().__init__()
        self.residual, self.order = arguments.residual, arguments.order
        units = []
        for number in range(arguments.convs):
            bare = self.residual and self.order == "conv-norm-act" and number == arguments.convs - 1
            here, step = (inputs, stride) if number == 0 else (outputs, (1,) * len(stride))
            units.append(unit(arguments, here, outputs, kernel, step, with_activation=not bare))
        self.units = nn.ModuleList(units)
        if self.residual and self.order == "conv-norm-act":
            self.last = activation(arguments)
        if self.residual and (inputs != outputs or any(step > 1 for step in stride)):
            side = (1,) * len(stride)
            self.shortcut = convolution(arguments, inputs, outputs, side, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """From (N, inputs, ...) to (N, outputs, ...)."""
        if not self.residual:
            for unit in self.units:
                x = unit(x)
            return x
        return self._residual(x)

    def _residual(self, x: Tensor) -> Tensor:
        first = self.units[0]
        if self.order == "norm-act-conv":
            active = first.activation(first.norm(x))
            beside = self.shortcut(active) if hasattr(self, "shortcut") else x
            y = first.dropout(first.convolution(active))
        else:
            beside = self.shortcut(x) if hasattr(self, "shortcut") else x
            y = first(x)
        for unit in self.units[1:]:
            y = unit(y)
        return self.last(y + beside) if hasattr(self, "last") else y + beside


def unit(
    arguments: UNetArguments,
    inputs: int,
    outputs: int,
    kernel: Steps,
    stride: Steps | int = 1,
    with_activation: bool = True,
) -> nn.Sequential:
    """Convolution, dropout, norm and activation in the network's order."""
    normed = outputs if arguments.order == "conv-norm-act" else inputs
    rate = arguments.dropout if arguments.dropout_at == "conv" else 0.0
    parts = {
        # A bias before a norm would have no effect.
        "conv": ("convolution", convolution(arguments, inputs, outputs, kernel, stride, bias=_has_bias(arguments))),
        "norm": ("norm", norm(arguments, normed)),
        "act": ("activation", activation(arguments) if with_activation else nn.Identity()),
    }
    made = nn.Sequential()
    for part in arguments.order.split("-"):
        made.add_module(*parts[part])
        if part == "conv":
            made.add_module("dropout", nn.Dropout(rate))
    return made


def _has_bias(arguments: UNetArguments) -> bool:
    return arguments.order != "conv-norm-act" or arguments.norm in ("none", "group")
