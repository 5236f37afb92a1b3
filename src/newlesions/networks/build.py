"""From a recipe's entry ``network`` to a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from newlesions.errors import ConfigError
from newlesions.networks.arguments import LOGITS, Arguments, UNet2dArguments, UNetArguments, read_arguments
from newlesions.networks.autoencoder import Autoencoder, AutoencoderArguments
from newlesions.networks.estimator import Estimator, EstimatorArguments
from newlesions.networks.film import FILM, FiLMArguments, FiLMUNet
from newlesions.networks.flat import Flat, FlatArguments
from newlesions.networks.mpunet import MPUNet, MPUNetArguments
from newlesions.networks.pathways import Pathways, PathwaysArguments
from newlesions.networks.preunet import PreUNetArguments
from newlesions.networks.registration import FieldNet, FieldNetArguments, NCRNet, NCRNetArguments
from newlesions.networks.resnet import ResNet, ResNetArguments
from newlesions.networks.segres import SegRes, SegResArguments
from newlesions.networks.siamese import Siamese, SiameseArguments
from newlesions.networks.similarity import Similarity
from newlesions.networks.slab import Slab, SlabArguments
from newlesions.networks.subpixel import SubpixelArguments, SubpixelUNet
from newlesions.networks.tiramisu import Tiramisu, TiramisuArguments
from newlesions.networks.unet import UNet


@dataclass(frozen=True)
class Kind:
    """A network that recipes can name: its arguments, how it is made of them and how many inputs it takes.

    ``moves``: whether the baseline, moved onto the follow-up, comes behind its answer (`networks.registration`).
    """

    arguments: type[Arguments]
    make: Callable[[Any, int], nn.Module]
    takes: Callable[[Any, int], bool] = lambda arguments, inputs: inputs >= 1
    expected: str = "at least 1"
    moves: bool = False


TWO_VISITS = (lambda arguments, inputs: inputs >= 2 and inputs % 2 == 0, "as many of the baseline as of the follow-up")

REGISTRATION = (lambda arguments, inputs: inputs >= 2, "the baseline and the follow-up, and what else there is")

_KINDS: dict[str, Kind] = {
    "unet3d": Kind(UNetArguments, UNet),
    "unet2d": Kind(UNet2dArguments, UNet),
    "tiramisu": Kind(TiramisuArguments, Tiramisu),
    "pathways": Kind(PathwaysArguments, Pathways),
    "preunet": Kind(PreUNetArguments, UNet),
    "segres": Kind(SegResArguments, SegRes),
    "subpixel": Kind(SubpixelArguments, SubpixelUNet),
    "resnet3d": Kind(ResNetArguments, ResNet),
    "slab": Kind(
        SlabArguments,
        Slab,
        takes=lambda arguments, inputs: inputs >= arguments.slices and inputs % arguments.slices == 0,
        expected="each image with the slab's slices (sample.neighbours on either side)",
    ),
    "siamese": Kind(SiameseArguments, Siamese, *TWO_VISITS),
    "similarity": Kind(UNetArguments, Similarity, *TWO_VISITS),
    "autoencoder": Kind(AutoencoderArguments, Autoencoder, *TWO_VISITS),
    FILM: Kind(
        FiLMArguments, FiLMUNet, lambda arguments, inputs: inputs >= 4, "at least one image, and the edges of a voxel"
    ),
    "estimator": Kind(EstimatorArguments, Estimator),
    "mpunet": Kind(MPUNetArguments, MPUNet, *TWO_VISITS),
    "fieldnet": Kind(FieldNetArguments, FieldNet, *REGISTRATION, moves=True),
    "ncrnet": Kind(NCRNetArguments, NCRNet, *REGISTRATION, moves=True),
    "flat": Kind(
        FlatArguments,
        Flat,
        takes=lambda arguments, inputs: 0 <= arguments.image < inputs - arguments.maps,
        expected="the images, `image` among them, and then the maps",
    ),
}

NAMES = tuple(sorted(_KINDS))
"""What a recipe can write as a network's name."""


def build(network: Mapping[str, Any], inputs: int, width: float = 1.0) -> nn.Module:
    """Make a network; its weights are drawn from PyTorch's global generator, which the caller seeds.

    Parameters
    ----------
    network
        ``name``, one of `NAMES`, and arguments.
    inputs
        Channels of the input.
    width
        Share of the channels, in multiples of 4 and at least 4.

    Returns
    -------
    torch.nn.Module
        From (N, inputs, ...) to logits (N, outputs, ...), or to probabilities (`gives_probabilities`); with deep
        supervision and in training mode a list of them, finest first. The input is larger by `margin` on each side.
        Networks that `moves` tells of give one output more, and in training `registration.Registered`.

    Raises
    ------
    ConfigError
        On an unknown name or argument, or a number of inputs that the network cannot take.
    """
    kind, arguments = _read(network)
    if not kind.takes(arguments, inputs):
        raise ConfigError(f"network {network['name']}: found {inputs} inputs; expected {kind.expected}")
    return kind.make(arguments.scaled(width), inputs)


def check(network: Mapping[str, Any]) -> None:
    """Raise `ConfigError` when ``network`` cannot be built."""
    _read(network)


def patch_multiple(network: Mapping[str, Any]) -> int:
    """What each side of a patch should be a multiple of. Other sides work too, at some cost at the border."""
    return _read(network)[1].multiple


def patch_multiples(network: Mapping[str, Any]) -> tuple[int, ...]:
    """The same for each axis of a patch by itself."""
    return _read(network)[1].multiples


def margin(network: Mapping[str, Any]) -> int:
    """How many voxels around a patch, on each side, the network needs to see to answer for the patch."""
    return _read(network)[1].margin


def gives_probabilities(network: Mapping[str, Any]) -> bool:
    """Whether the outputs are probabilities (`networks.final`) and not logits."""
    return bool(network.get("final", LOGITS) != LOGITS)


def moves(network: Mapping[str, Any]) -> bool:
    """Whether the network's last output is the baseline, moved onto the follow-up."""
    kind = _KINDS.get(network.get("name", ""))
    return kind is not None and kind.moves


def dimensions(network: Mapping[str, Any]) -> int:
    """The axes of a patch: 2 for networks of slices, else 3."""
    return _read(network)[1].dimensions


def _read(network: Mapping[str, Any]) -> tuple[Kind, Any]:
    content = dict(network)
    name = content.pop("name", None)
    if name not in _KINDS:
        raise ConfigError(f"there is no network {name}; known: {', '.join(NAMES)}")
    kind = _KINDS[name]
    return kind, read_arguments(name, kind.arguments, content)
