"""Networks that were trained through nnU-Net, applied by its own predictor."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from newlesions.detect.networks.window import device_of, threads_of
from newlesions.errors import ConfigError
from newlesions.networks.case import Image
from newlesions.networks.nnunet import CONFIGURATION, once, require
from newlesions.networks.stages import Limits, Stage
from newlesions.networks.weights import load, read_metadata


def apply_stage(
    stage: Stage, members: Sequence[Path], channels: Image, spacing: Sequence[float], limits: Limits
) -> Image:
    """The mean over ``members`` of nnU-Net's probability of new lesions, float32 (I, J, K).

    Parameters
    ----------
    stage
        ``predict.overlap``, ``weighting`` and ``flips`` (any: nnU-Net's own mirroring; none: no mirroring) apply.
    members
        Files of `learn.networks.nnunet.train`.
    channels
        (C, I, J, K), as in training: not normalised, 0 outside the brain.
    spacing
        Voxel edges in mm, (3,).

    Raises
    ------
    ConfigError
        If nnunetv2 is not installed, or a file is none of its networks.
    """
    require()
    total = np.zeros(channels.shape[1:], np.float64)
    with threads_of(limits.threads):
        for path in members:
            total += _probability(stage, path, channels, spacing, limits)
    return (total / len(members)).astype(np.float32)


def _probability(stage: Stage, path: Path, channels: Image, spacing: Sequence[float], limits: Limits) -> Image:
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    described = read_metadata(path)
    if "plans" not in described:
        raise ConfigError(
            f"{path}: found weights without a plan of nnU-Net; expected those of a stage of network nnunet"
        )
    plans = PlansManager(json.loads(described["plans"]))
    dataset, mirroring = json.loads(described["dataset"]), json.loads(described["mirroring"])
    configuration = plans.get_configuration(CONFIGURATION)
    outputs = plans.get_label_manager(dataset).num_segmentation_heads
    network = nnUNetTrainer.build_network_architecture(
        plans, configuration, len(channels), outputs, enable_deep_supervision=False
    )
    load(path, once(network))
    device = device_of(limits.device)
    predictor = nnUNetPredictor(
        tile_step_size=1 - stage.predict.overlap,
        use_gaussian=stage.predict.weighting == "gaussian",
        use_mirroring=bool(stage.predict.flips) and mirroring is not None,
        perform_everything_on_device=device.type == "cuda",
        device=device,
        allow_tqdm=False,
    )
    predictor.manual_initialization(
        network, plans, configuration, [network.state_dict()], dataset, "nnUNetTrainer", mirroring
    )
    # nnU-Net counts axes as SimpleITK does, from the last.
    turned = np.ascontiguousarray(channels.transpose(0, 3, 2, 1), dtype=np.float32)
    _, probabilities = predictor.predict_single_npy_array(
        turned, {"spacing": [float(edge) for edge in spacing[::-1]]}, save_or_return_probabilities=True
    )
    return np.asarray(probabilities[1].transpose(2, 1, 0), np.float32)
