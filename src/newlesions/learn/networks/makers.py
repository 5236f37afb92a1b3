"""What makes elements that are not cut from a pair as it is: candidate regions, and synthetic patches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from newlesions.detect.networks.candidates import find
from newlesions.detect.networks.model import NetworkModel
from newlesions.detect.networks.regions import RegionSettings, find_regions, frame_of
from newlesions.errors import ConfigError
from newlesions.learn.networks.augment.frame import Frame
from newlesions.learn.networks.augment.pipeline import Augment
from newlesions.learn.networks.batch import Element
from newlesions.learn.networks.candidates import CandidateCase, candidate_elements
from newlesions.learn.networks.estimate import estimate_maker
from newlesions.learn.networks.regions import RegionCase, region_elements
from newlesions.learn.networks.sample import Maker, Patches
from newlesions.learn.networks.sources import Outputs, Task, is_image, nothing_to_learn, unlabelled
from newlesions.learn.networks.start import network_of
from newlesions.learn.networks.synthetic.hooks import generate_elements, inpaint_elements, painter, pair_elements
from newlesions.learn.networks.synthetic.pretraining import Alter
from newlesions.learn.networks.synthetic.settings import SyntheticSettings
from newlesions.learn.networks.synthetic.sources import Source, lesion_frequency, source_of
from newlesions.networks.case import Case, Image
from newlesions.networks.inputs import VISITS, channels
from newlesions.networks.prepare import prepare
from newlesions.networks.stages import ESTIMATE, RESTORE, Limits, Stage


def region_maker(stage: Stage, tasks: Sequence[tuple[Task, Outputs]], limits: Limits) -> Maker:
    """Candidate regions of the cases; inputs that are scans change their intensities as ``augment`` says."""
    if not tasks:
        raise nothing_to_learn(stage, False)
    cases = []
    for (case, mask, _), outputs in tasks:
        inputs = channels(stage.inputs, prepare(case, stage.prepare), outputs)
        if inputs.shape[1:] != case.brain.shape:
            raise ConfigError(f"stage {stage.name}: found prepare.spacing_mm; expected null for regions")
        cases.append(RegionCase(inputs, case.masks[mask], find_regions(case, RegionSettings.of(stage))))
    augment = Augment(stage.augment)
    if augment.spatial:
        raise ConfigError(f"stage {stage.name}: augment has {augment.spatial[0]['name']}; expected no spatial one")
    draw = region_elements(cases, frame_of(stage, limits))
    scans = [number for number, expression in enumerate(stage.inputs) if is_image(expression)]
    spacing = (tasks[0][0].case.spacing,) * 3

    def make(rng: np.random.Generator) -> Element:
        element = draw(rng)
        if scans and augment.changes:
            frame = Frame(element.inputs.shape[1:], spacing=spacing)
            element.inputs[scans] = augment.change(rng, element.inputs[scans], frame) * (element.valid > 0)
        return element

    return make


def training_maker(
    stage: Stage,
    cases: Sequence[Case],
    sides: Sequence[int],
    earlier: NetworkModel | None,
    limits: Limits,
    left_out: str | None,
    seed: int,
) -> Maker:
    """What makes all elements of a stage that learns from no reference as it is."""
    if stage.task == ESTIMATE:
        return estimate_maker(stage, cases, sides)
    if stage.task == RESTORE:
        return restore_maker(stage, cases, sides)
    return synthetic_maker(stage, cases, sides, earlier, limits, left_out, seed)


def restore_maker(stage: Stage, cases: Sequence[Case], sides: Sequence[int]) -> Maker:
    """Patches of both images, which are their own targets; no mask of ``cases`` is looked at.

    Raises
    ------
    ConfigError
        If there is no case.
    """
    if not cases:
        raise nothing_to_learn(stage, False)
    patches = Patches([unlabelled(case, stage) for case in cases], stage, sides)

    def make(rng: np.random.Generator) -> Element:
        element = patches.draw(rng, False)
        return element._replace(target=element.inputs)

    return make


def candidate_maker(stage: Stage, tasks: Sequence[tuple[Task, Outputs]], sides: Sequence[int]) -> Maker:
    """Patches around what an earlier stage proposes of the cases, and around their lesions."""
    cases = []
    for (case, mask, _), outputs in tasks:
        prepared = prepare(case, stage.prepare)
        seen, labels = channels(stage.inputs, prepared, outputs), find(stage, prepared, outputs)
        cases.append(CandidateCase.of(seen, labels, prepared.masks[mask] > 0, prepared.brain))
    try:
        return candidate_elements(cases, sides, stage.sample.positive)
    except ConfigError as error:
        raise ConfigError(f"stage {stage.name}: {error}") from error


def synthetic_maker(
    stage: Stage,
    cases: Sequence[Case],
    sides: Sequence[int],
    earlier: NetworkModel | None,
    limits: Limits,
    left_out: str | None,
    seed: int,
) -> Maker:
    """Patches of visits with lesion masks: for an inpainter, a generator, or pairs made with the help of both.

    Raises
    ------
    ConfigError
        If no visit has a mask of its lesions, or a pair needs an inpainter that ``uses`` does not name.
    """
    sources = visits_of(stage, cases)
    if not sources:
        raise nothing_to_learn(stage, False)
    alter = _alter(stage, sources[0].spacing)
    if stage.task == "inpaint":
        return inpaint_elements(stage, sources, sides, alter)
    if stage.task == "generate":
        return generate_elements(stage, sources, sides, alter)
    painters = {}
    for name in stage.uses if earlier is not None else ():
        assert earlier is not None
        if name in earlier.stages:
            painters[earlier.stages[name].task] = painter(network_of(earlier, name, left_out, seed), limits.device)
    if "inpaint" not in painters:
        raise ConfigError(f"stage {stage.name}: found no stage of task inpaint in `uses`; synthetic pairs need one")
    return pair_elements(stage, sources, sides, painters["inpaint"], painters.get("generate"), alter)


def visits_of(stage: Stage, cases: Sequence[Case]) -> list[Source]:
    """The visits with masks of their lesions, as the stage sees them; lesions are likely where these have theirs."""
    known = [(case, visit) for case in cases for visit in VISITS if f"{visit}_lesions" in case.masks]
    frequency = lesion_frequency(
        (case.masks[f"{visit}_lesions"], case.mni_from_working @ case.affine) for case, visit in known
    )
    sources = []
    for case, visit in known:
        prepared = prepare(case, stage.prepare)
        sources.append(
            source_of(
                f"{case.pair} {visit}",
                prepared.images[visit],
                prepared.masks[f"{visit}_lesions"],
                prepared.brain,
                prepared.grid.affine,
                frequency,
                case.mni_from_working,
            )
        )
    return sources


def _alter(stage: Stage, spacing: float) -> Alter | None:
    """The changes of intensity in ``augment``, or those that synthetic pairs have of their own, for one visit."""
    augment = Augment(SyntheticSettings.of(stage.sample.options).augment or stage.augment)
    if not augment.changes:
        return None

    def alter(rng: np.random.Generator, image: Image) -> Image:
        zero = np.array([image.min()], np.float32)
        return augment.change(rng, image[None], Frame(image.shape, spacing=(spacing,) * 3), zero)[0]

    return alter
