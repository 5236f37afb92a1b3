"""Small models and cases: networks whose weights are drawn, and one that is the difference of the visits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from newlesions.detect.networks.model import Member, NetworkModel
from newlesions.networks.build import build
from newlesions.networks.case import Case
from newlesions.networks.stages import Limits, Predict, Prepare, Sample, Stage
from newlesions.networks.weights import save

SHAPE = (20, 18, 16)
LIMITS = Limits(device="cpu", threads=1)
NETWORK = {"name": "unet3d", "channels": [4, 8], "norm": "instance"}


def stage(name: str = "new", inputs: tuple[str, ...] = ("baseline", "followup"), **more) -> Stage:
    """A small U-Net."""
    more.setdefault("task", "segment_new")
    more.setdefault("network", NETWORK)
    more.setdefault("sample", Sample(patch=(16, 16, 16)))
    more.setdefault("predict", Predict(min_volume_mm3=0))
    return Stage(name, inputs=inputs, prepare=Prepare(normalise="zscore_brain"), **more)


def model(folder: Path, *stages: Stage, members: int = 1, left_out: tuple[tuple[str, ...], ...] = ()) -> NetworkModel:
    """Untrained networks of these stages, their weights in ``folder``."""
    paths: dict[str, list[Member]] = {}
    for number, one in enumerate(stages):
        paths[one.name] = []
        for member in range(members):
            torch.manual_seed(10 * number + member)
            path = folder / one.name / f"{member}" / "weights.safetensors"
            save(path, build(one.network, len(one.inputs)))
            paths[one.name].append(Member(path, left_out[member] if left_out else ()))
    return NetworkModel("made", {one.name: one for one in stages}, paths, LIMITS, {"pairs": 3})


def case(seed: int = 0) -> Case:
    """Noise with one bright block at each visit."""
    rng = np.random.default_rng(seed)
    before, after = (rng.normal(100, 5, SHAPE).astype(np.float32) for _ in range(2))
    after[4:7, 5:8, 6:9] += 60
    before[12:15, 10:13, 8:11] += 60
    brain = np.zeros(SHAPE, bool)
    brain[2:-2, 2:-2, 2:-2] = True
    change = np.zeros(SHAPE, np.uint8)
    change[4:7, 5:8, 6:9] = 1
    return Case(
        "sub-01_M00_M12", "01", before, after, brain, change, np.eye(4), np.eye(4), (1.0, 1.0), {}, (0, 0, 0), SHAPE
    )
