"""What needs nnU-Net itself: its trainer with the optimiser of Martinez-Heras et al., its plan and its preprocessing.

Imported only where nnunetv2 is installed.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprint_dataset, plan_experiment_dataset
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from newlesions.detect.networks import window
from newlesions.learn.networks.nnunet import plateau_rate
from newlesions.networks.nnunet import CONFIGURATION, once
from newlesions.networks.weights import save

_SAVE_EVERY = 25  # section 2.4
_VALIDATION_BATCHES = 50  # of nnU-Net


class AdamTrainer(nnUNetTrainer):
    """nnU-Net's trainer with Adam and a plateau; architecture, loss and augmentation are nnU-Net's."""

    def configure_optimizers(self) -> tuple[torch.optim.Optimizer, Any]:
        """Adam; the rate is set at the start of each epoch."""
        optimiser = torch.optim.Adam(self.network.parameters(), self.initial_lr)
        return optimiser, self

    def step(self, epoch: int) -> None:
        """As nnU-Net calls its schedule at the start of ``epoch``."""
        losses = [self.logger.get_value(name, step=None)[:epoch] for name in ("train_losses", "val_losses")]
        rate = plateau_rate(self.initial_lr, [(float(a), float(b)) for a, b in zip(*losses, strict=True)])
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def plot_network_architecture(self) -> None:
        """No figure of the network: it needs a program that is not ours."""


def device_of(name: str) -> str:
    """``cpu`` or ``cuda``."""
    return window.device_of(name).type


def fingerprint_and_plan(dataset: int, processes: int) -> None:
    """nnU-Net's fingerprint of the data and its plan, for 8 GB of a GPU's memory as is its default."""
    extract_fingerprint_dataset(dataset, num_processes=processes, verbose=False, show_progress_bar=False)
    plan_experiment_dataset(dataset)


def preprocess(dataset: int, processes: int, plans: str = "nnUNetPlans") -> None:
    """Crop, normalise and resample the data as the plan says."""
    from nnunetv2.experiment_planning.plan_and_preprocess_api import preprocess_dataset

    preprocess_dataset(
        dataset, plans, configurations=(CONFIGURATION,), num_processes=(processes,), show_progress_bar=False
    )


def fit(preprocessed: Path, out: Path, lr: float, epochs: int, batches: int, device: str, seed: int) -> dict[str, Any]:
    """Train fold 0 of the preprocessed data and write ``out/weights.safetensors``."""
    for seeded in (random.seed, np.random.seed, torch.manual_seed):  # nnU-Net draws from all three
        seeded(seed)
    plans = json.loads((preprocessed / "nnUNetPlans.json").read_text(encoding="utf-8"))
    dataset = json.loads((preprocessed / "dataset.json").read_text(encoding="utf-8"))
    trainer = AdamTrainer(
        plans={**plans, "continue_training": False},
        configuration=CONFIGURATION,
        fold=0,
        dataset_json=dataset,
        device=torch.device(device_of(device)),
    )
    trainer.initial_lr, trainer.num_epochs, trainer.save_every = lr, epochs, _SAVE_EVERY
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
