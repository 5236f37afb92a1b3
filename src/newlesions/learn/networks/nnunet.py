"""Training through nnU-Net (masson2021, martinezheras2023): its data set, plan, and one member.

What it writes is one safetensors file: the weights, and in its metadata the plan that builds and applies the network.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from newlesions.images.files import write_json
from newlesions.networks.case import Case, Image
from newlesions.networks.inputs import channels
from newlesions.networks.nnunet import CONFIGURATION, environment, require
from newlesions.networks.prepare import prepare
from newlesions.networks.stages import Limits, Stage

_PATIENCE, _GAIN, _FACTOR = 30, 0.005, 0.2
_NUMBER, _DATASET, _PLANS = 1, "Dataset001_newlesions", "nnUNetPlans"


@dataclass(frozen=True)
class Example:
    """A case of the data set: ``channels`` (C, I, J, K), ``target`` (I, J, K), ``spacing`` of its voxels in mm (3,)."""

    name: str
    channels: Image
    target: NDArray[Any]
    spacing: Sequence[float]


def train(
    stage: Stage, training: Sequence[Example], validation: Sequence[Example], limits: Limits, out: Path, seed: int
) -> dict[str, Any]:
    """Train one member and write ``out/weights.safetensors``; what was done.

    ``stage.network`` may hold ``epochs`` (300), ``batches`` of an epoch (250), and what nnU-Net would plan otherwise:
    ``spacing_mm`` (of left-right, back-front and down-up), ``patch`` (in the order of its plan, the axis of the longest
    voxel first) and ``dropout``. ``stage.optimise`` is obeyed, and ``stage.augment`` where it holds something; else
    nnU-Net augments as it does. Training stopped half-way goes on from the last of its checkpoints (every 25 epochs).

    Parameters
    ----------
    validation
        nnU-Net looks at its loss and Dice; the training examples stand in where there are none.
    limits
        ``width`` scales the channels of nnU-Net's plan, ``patch`` its patch, ``steps`` ends the training.

    Raises
    ------
    ConfigError
        If nnunetv2 is not installed.
    """
    require()
    from newlesions.learn.networks import nnunet_trainer

    folder = out.parent / f"{out.name}.checkpoint"
    names = [[example.name for example in group] for group in (training, validation)]
    began = time.monotonic()
    epochs, batches = _length(stage, limits)
    workers = 0 if nnunet_trainer.device_of(limits.device) == "cpu" else limits.threads
    with environment(folder, limits.threads):
        if not _preprocessed(folder).joinpath("splits_final.json").is_file():
            write_dataset(folder / "raw", [*training, *validation], stage.inputs)
            nnunet_trainer.fingerprint_and_plan(_NUMBER, limits.threads, stage.network.get("spacing_mm"))
            nnunet_trainer.follow(_preprocessed(folder) / f"{_PLANS}.json", stage.network)
            shrink_plan(_preprocessed(folder) / f"{_PLANS}.json", limits)
            nnunet_trainer.preprocess(_NUMBER, limits.threads)
            # Written last: it says that the data are whole.
            write_json(_preprocessed(folder) / "splits_final.json", [{"train": names[0], "val": names[1] or names[0]}])
    with environment(folder, workers):
        facts = nnunet_trainer.fit(_preprocessed(folder), out, stage, epochs, batches, limits.device, seed)
    return {**facts, "seconds": round(time.monotonic() - began, 1), "steps": epochs * batches}


def examples_of(stage: Stage, cases: Iterable[Case]) -> list[Example]:
    """The cases that have a reference of new lesions, as ``stage`` sees them."""
    examples = []
    for case in cases:
        if "new" in case.masks:
            prepared = prepare(case, stage.prepare)
            seen = channels(stage.inputs, prepared)
            examples.append(Example(case.pair, seen, prepared.masks["new"], [float(x) for x in prepared.spacing]))
    return examples


def write_dataset(raw: Path, examples: Sequence[Example], inputs: Sequence[str]) -> Path:
    """Write ``examples`` as nnU-Net reads them below ``raw``, and return the data set's folder.

    ``imagesTr/<name>_000<channel>.nii.gz``, ``labelsTr/<name>.nii.gz`` (0, 1) and ``dataset.json``. No channel is
    named CT, so that each image is normalised by its own mean and standard deviation (section 2.2: z-score).
    """
    folder = raw / _DATASET
    for sub in ("imagesTr", "labelsTr"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    for example in examples:
        affine = np.diag([*example.spacing, 1.0])
        for number, channel in enumerate(example.channels):
            path = folder / "imagesTr" / f"{example.name}_{number:04d}.nii.gz"
            nib.save(nib.Nifti1Image(channel.astype(np.float32), affine), path)
        label = (np.asarray(example.target) > 0).astype(np.uint8)
        nib.save(nib.Nifti1Image(label, affine), folder / "labelsTr" / f"{example.name}.nii.gz")
    write_json(
        folder / "dataset.json",
        {
            "channel_names": {str(number): name for number, name in enumerate(inputs)},
            "labels": {"background": 0, "new": 1},
            "numTraining": len(examples),
            "file_ending": ".nii.gz",
        },
    )
    return folder


def shrink_plan(path: Path, limits: Limits) -> None:
    """Scale the channels and the patch of the plan in ``path`` as ``limits`` says; the patch stays divisible."""
    plans = json.loads(path.read_text(encoding="utf-8"))
    configuration = plans["configurations"][CONFIGURATION]
    kwargs = configuration["architecture"]["arch_kwargs"]
    if limits.width != 1:
        kwargs["features_per_stage"] = [max(4, round(n * limits.width)) for n in kwargs["features_per_stage"]]
    if limits.patch != 1:
        steps = np.prod(kwargs["strides"], axis=0)
        sides = np.array(configuration["patch_size"])
        configuration["patch_size"] = [
            int(max(1, round(float(side * limits.patch / step))) * step)
            for side, step in zip(sides, steps, strict=True)
        ]
    write_json(path, plans)


def plateau_rate(first: float, losses: Sequence[tuple[float, float]]) -> float:
    """The learning rate after ``losses``, (training, validation) of each epoch so far, from ``first`` on.

    Section 2.4: divided by 5 when neither loss has fallen by 0.005 for 30 epochs.
    """
    rate, waited = first, 0
    best = [float("inf")] * 2
    for epoch in losses:
        gains = [value <= low - _GAIN for value, low in zip(epoch, best, strict=True)]
        best = [value if gain else low for value, low, gain in zip(epoch, best, gains, strict=True)]
        waited = 0 if any(gains) else waited + 1
        if waited >= _PATIENCE:
            rate, waited = rate * _FACTOR, 0
    return rate


def _length(stage: Stage, limits: Limits) -> tuple[int, int]:
    """Epochs, and batches of each."""
    network: Mapping[str, Any] = stage.network
    epochs, batches = int(network.get("epochs", 300)), int(network.get("batches", 250))
    if limits.steps is not None and limits.steps < epochs * batches:
        batches = min(batches, limits.steps)
        epochs = max(1, limits.steps // batches)
    return epochs, batches


def _preprocessed(folder: Path) -> Path:
    return folder / "preprocessed" / _DATASET
