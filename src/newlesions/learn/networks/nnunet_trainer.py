"""What needs nnU-Net itself: its trainer with a recipe's optimiser and augmentation, its plan and its preprocessing.

Imported only where nnunetv2 is installed.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nnunetv2.experiment_planning.experiment_planners.network_topology import get_pool_and_conv_props
from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprint_dataset, plan_experiment_dataset
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from newlesions.detect.networks import window
from newlesions.errors import ConfigError
from newlesions.images.files import write_json
from newlesions.learn.networks.nnunet import plateau_rate
from newlesions.learn.networks.nnunet_augment import mirrored_axes, transforms
from newlesions.learn.networks.optimise import make_schedule
from newlesions.networks.nnunet import CONFIGURATION, once
from newlesions.networks.stages import Stage
from newlesions.networks.weights import save

_SAVE_EVERY = 25  # martinezheras2023, section 2.4
_LEAST_SIDE = 4  # of a feature map, in nnU-Net's planner
_VALIDATION_BATCHES = 50  # of nnU-Net


class RecipeTrainer(nnUNetTrainer):
    """nnU-Net's trainer with a stage's optimiser, schedule and augmentation; architecture and loss are nnU-Net's."""

    stage: Stage

    def configure_optimizers(self) -> tuple[torch.optim.Optimizer, Any]:
        """Adam, or SGD with Nesterov's momentum, as nnU-Net has it; the rate is set at the start of each epoch."""
        how, weights = self.stage.optimise, self.network.parameters()
        if how.name == "adam":
            return torch.optim.Adam(weights, how.lr, weight_decay=how.weight_decay), self
        momentum = {"momentum": how.momentum, "nesterov": True}
        return torch.optim.SGD(weights, how.lr, weight_decay=how.weight_decay, **momentum), self

    def step(self, epoch: int) -> None:
        """As nnU-Net calls its schedule at the start of ``epoch``."""
        how = self.stage.optimise
        if how.schedule["name"] == "plateau":
            losses = [self.logger.get_value(name, step=None)[:epoch] for name in ("train_losses", "val_losses")]
            rate = plateau_rate(how.lr, [(float(a), float(b)) for a, b in zip(*losses, strict=True)])
        else:
            rate = how.lr * make_schedule(how.schedule, self.num_epochs)(epoch, [])
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(self) -> tuple[Any, ...]:  # noqa: N802 - nnU-Net's
        """nnU-Net's own where the stage says nothing; else the stage's axes are mirrored, in application too."""
        rotation, flat, initial, mirrored = super().configure_rotation_dummyDA_mirroring_and_inital_patch_size()
        if self.stage.augment:
            mirrored = mirrored_axes(self.stage.augment, self.plans_manager.transpose_forward)
            self.inference_allowed_mirroring_axes = mirrored
        return rotation, flat, initial, mirrored

    def get_training_transforms(self, patch_size: Any, *others: Any, **more: Any) -> Any:
        """nnU-Net's own, or the stage's alone."""
        if not self.stage.augment:
            return super().get_training_transforms(patch_size, *others, **more)
        _, scales, mirrored, *_ = others
        return transforms(self.stage.augment, patch_size, mirrored, scales, more.get("use_mask_for_norm"))

    def plot_network_architecture(self) -> None:
        """No figure of the network: it needs a program that is not ours."""


def device_of(name: str) -> str:
    """``cpu`` or ``cuda``."""
    return window.device_of(name).type


def fingerprint_and_plan(dataset: int, processes: int, spacing: Sequence[float] | None = None) -> None:
    """nnU-Net's fingerprint of the data and its plan, for 8 GB of a GPU's memory as is its default.

    ``spacing``: of the voxels that it resamples to, along the axes of the images; None: the data's median.
    """
    extract_fingerprint_dataset(dataset, num_processes=processes, verbose=False, show_progress_bar=False)
    # nnU-Net counts axes as SimpleITK does, from the last.
    plan_experiment_dataset(dataset, overwrite_target_spacing=None if spacing is None else tuple(spacing[::-1]))


def follow(path: Path, network: Mapping[str, Any]) -> None:
    """Put the recipe's ``patch`` and ``dropout`` into the plan in ``path``; its levels follow from the patch.

    Raises
    ------
    ConfigError
        If the patch does not divide by the steps of nnU-Net's network.
    """
    plans = json.loads(path.read_text(encoding="utf-8"))
    configuration = plans["configurations"][CONFIGURATION]
    kwargs = configuration["architecture"]["arch_kwargs"]
    if network.get("patch") is not None:
        wanted = [int(side) for side in network["patch"]]
        _, strides, kernels, fitting, _ = get_pool_and_conv_props(configuration["spacing"], wanted, _LEAST_SIDE, 999)
        if [int(side) for side in fitting] != wanted:
            shown = " x ".join(str(int(side)) for side in fitting)
            raise ConfigError(f"network nnunet: patch is {wanted}; nnU-Net's steps expect {shown}")
        levels = len(strides)
        configuration["patch_size"] = wanted
        kwargs["n_stages"], kwargs["features_per_stage"] = levels, [min(320, 32 * 2**n) for n in range(levels)]
        kwargs["strides"] = [[int(step) for step in stride] for stride in strides]
        kwargs["kernel_sizes"] = [[int(side) for side in kernel] for kernel in kernels]
        kwargs["n_conv_per_stage"], kwargs["n_conv_per_stage_decoder"] = [2] * levels, [2] * (levels - 1)
    if network.get("dropout"):
        kwargs["dropout_op"] = "torch.nn.modules.dropout.Dropout3d"
        kwargs["dropout_op_kwargs"] = {"p": network["dropout"]}
    write_json(path, plans)


def preprocess(dataset: int, processes: int, plans: str = "nnUNetPlans") -> None:
    """Crop, normalise and resample the data as the plan says."""
    from nnunetv2.experiment_planning.plan_and_preprocess_api import preprocess_dataset

    preprocess_dataset(
        dataset, plans, configurations=(CONFIGURATION,), num_processes=(processes,), show_progress_bar=False
    )


def fit(
    preprocessed: Path, out: Path, stage: Stage, epochs: int, batches: int, device: str, seed: int
) -> dict[str, Any]:
    """Train fold 0 of the preprocessed data and write ``out/weights.safetensors``."""
    for seeded in (random.seed, np.random.seed, torch.manual_seed):  # nnU-Net draws from all three
        seeded(seed)
    plans = json.loads((preprocessed / "nnUNetPlans.json").read_text(encoding="utf-8"))
    dataset = json.loads((preprocessed / "dataset.json").read_text(encoding="utf-8"))
    trainer = RecipeTrainer(
        plans={**plans, "continue_training": False},
        configuration=CONFIGURATION,
        fold=0,
        dataset_json=dataset,
        device=torch.device(device_of(device)),
    )
    trainer.stage = stage
    trainer.initial_lr, trainer.num_epochs, trainer.save_every = stage.optimise.lr, epochs, _SAVE_EVERY
    trainer.num_iterations_per_epoch = batches
    trainer.num_val_iterations_per_epoch = min(_VALIDATION_BATCHES, batches)
    trainer.initialize()
    latest = Path(trainer.output_folder) / "checkpoint_latest.pth"
    if latest.is_file():
        trainer.load_checkpoint(str(latest))
    trainer.run_training()
    mirroring = trainer.inference_allowed_mirroring_axes
    described = {
        "plans": json.dumps(plans, sort_keys=True),
        "dataset": json.dumps(dataset, sort_keys=True),
        "mirroring": json.dumps(None if mirroring is None else [int(axis) for axis in mirroring]),
    }
    out.mkdir(parents=True, exist_ok=True)
    save(out / "weights.safetensors", once(trainer.network), described)
    losses = {name: [float(x) for x in trainer.logger.get_value(name, step=None)] for name in _LOGGED}
    configuration = PlansManager(plans).get_configuration(CONFIGURATION)
    return {
        "patch": [int(side) for side in configuration.patch_size],
        "batch": int(configuration.batch_size),
        "epochs": epochs,
        **losses,
    }


_LOGGED = ("train_losses", "val_losses", "mean_fg_dice")
