"""What a sampler calls for elements that are made and not cut from a pair: one function of a random generator."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from newlesions.detect.networks.window import device_of
from newlesions.errors import ConfigError
from newlesions.learn.networks.batch import Element
from newlesions.learn.networks.synthetic.pretraining import Alter, generate_element, inpaint_element
from newlesions.learn.networks.synthetic.settings import SyntheticSettings
from newlesions.learn.networks.synthetic.sources import Source
from newlesions.learn.networks.synthetic.timepoints import Painter, element
from newlesions.networks.case import Image
from newlesions.networks.stages import Stage

Hook = Callable[[np.random.Generator], Element]


def painter(network: torch.nn.Module, device: str = "auto") -> Painter:
    """A trained network of the task ``inpaint`` or ``generate`` as a function of arrays; it learns nothing here."""
    chosen = device_of(device)
    network = network.to(chosen).eval()

    def paint(patches: Image) -> Image:
        with torch.inference_mode():
            outputs = network(torch.from_numpy(np.ascontiguousarray(patches)).to(chosen))
        return np.asarray(outputs[:, 0].float().cpu().numpy(), np.float32)

    return paint


def inpaint_elements(stage: Stage, sources: Sequence[Source], sides: Sequence[int], alter: Alter | None = None) -> Hook:
    """The training elements of a stage of the task ``inpaint``: inputs (1, *sides), target (1, *sides)."""
    settings, chosen = _checked(stage, sources, sides, channels=1, lesions=False)
    return lambda rng: inpaint_element(rng, _any(rng, chosen), sides, settings, alter)


def generate_elements(
    stage: Stage, sources: Sequence[Source], sides: Sequence[int], alter: Alter | None = None
) -> Hook:
    """The training elements of a stage of the task ``generate``: inputs (2, *sides), target (1, *sides)."""
    settings, chosen = _checked(stage, sources, sides, channels=2, lesions=True)
    return lambda rng: generate_element(rng, _any(rng, chosen), sides, settings, alter)


def pair_elements(
    stage: Stage,
    sources: Sequence[Source],
    sides: Sequence[int],
    inpainter: Painter,
    generator: Painter | None,
    alter: Alter | None = None,
) -> Hook:
    """The synthetic elements of a stage of the task ``segment_new``: inputs (2, *sides), target (1, *sides).

    Raises
    ------
    ConfigError
        If the stage's inputs are not baseline and followup, in either order, or no source has a lesion.
    """
    settings, chosen = _checked(stage, sources, sides, channels=2, lesions=True)
    if sorted(stage.inputs) != ["baseline", "followup"]:
        raise ConfigError(
            f"stage {stage.name}: found inputs {', '.join(stage.inputs)}; synthetic pairs have baseline and followup"
        )
    order = [("baseline", "followup").index(name) for name in stage.inputs]

    def draw(rng: np.random.Generator) -> Element:
        made = element(rng, _any(rng, chosen), sides, settings, inpainter, generator, alter)
        return made._replace(inputs=made.inputs[order])

    return draw


def _checked(
    stage: Stage, sources: Sequence[Source], sides: Sequence[int], channels: int, lesions: bool
) -> tuple[SyntheticSettings, list[Source]]:
    if len(sides) != 3:
        raise ConfigError(f"stage {stage.name}: found a patch of {len(sides)} sides; synthetic elements need 3")
    if len(stage.inputs) != channels:
        raise ConfigError(
            f"stage {stage.name}: found {len(stage.inputs)} inputs; expected {channels} for synthetic elements"
        )
    chosen = [source for source in sources if source.shapes or not lesions]
    if not chosen:
        raise ConfigError(
            f"stage {stage.name}: no visit has a mask of its lesions; fill the columns baseline_lesions or "
            "followup_lesions of pairs.tsv"
        )
    return SyntheticSettings.of(stage.sample.options), chosen


def _any(rng: np.random.Generator, sources: Sequence[Source]) -> Source:
    return sources[int(rng.integers(len(sources)))]
