"""Pre-U-Net (ashtari2021, MSSEG-2 proceedings, pp. 45-52)."""

from __future__ import annotations

from dataclasses import dataclass

from newlesions.networks.arguments import UNetArguments


@dataclass(frozen=True)
class PreUNetArguments(UNetArguments):
    """A U-Net of pre-activation residual blocks.

    What the paper says (pp. 46-47): a stem of side 3; "4 levels, at each of which ... the input tensor is downsampled
    (upsampled) by a factor of two while the number of channels is doubled (halved)", by strided and by transposed
    convolutions of side 3; blocks of two convolutions of side 3, each behind group norm and leaky rectifier, with a
    shortcut of side 1 where the channels differ; logits at the three highest resolutions; 26.3 million parameters.

    It leaves the width open, and whether the strided convolution is a layer of its own or the first of the block. Only
    the latter, with 32 channels at the stem and concatenated skips, gives the stated number (26.27 million; a layer of
    its own: 35.5). "Group size of 8" is read as 8 groups, as in the authors' later code (github.com/pashtari/xunet).
    """

    channels: tuple[int, ...] = (32, 64, 128, 256, 512)
    norm: str = "group"
    order: str = "norm-act-conv"
    residual: bool = True
    stem: bool = True
    up_kernel: int | None = 3
    deep_supervision: int = 3
