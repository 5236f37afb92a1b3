"""Small pairs with bright new lesions, and stages small enough to train in a second."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from newlesions.detect.networks.apply import both_directions
from newlesions.detect.networks.model import NetworkModel
from newlesions.images.files import sha256
from newlesions.learn.networks.batch import Batch
from newlesions.learn.networks.checkpoint import Checkpoint
from newlesions.learn.networks.loop import Training
from newlesions.learn.networks.sample import Batches
from newlesions.networks.case import Case
from newlesions.networks.stages import Limits, Stage

SHAPE = (22, 26, 20)


def make_case(number: int, lesions: int = 2, gone: bool = False) -> Case:
    rng = np.random.default_rng(number)
    at = np.indices(SHAPE) - np.reshape(SHAPE, (3, 1, 1, 1)) / 2
    brain = ((at / np.reshape([9, 11, 8], (3, 1, 1, 1))) ** 2).sum(0) < 1
    images = [np.where(brain, 100 + 8 * rng.standard_normal(SHAPE), 0).astype(np.float32) for _ in range(2)]
    masks = {name: np.zeros(SHAPE, np.uint8) for name in ("new", *(["gone"] if gone else []))}
    masks |= {f"{visit}_lesions": np.zeros(SHAPE, np.uint8) for visit in ("baseline", "followup")}
    for _ in range(lesions):
        i, j, k = (int(n // 2 + rng.integers(-4, 3)) for n in SHAPE)
        masks["new"][i : i + 3, j : j + 3, k : k + 2] = 1
    images[1][masks["new"] > 0] += 60
    if gone:
        masks["gone"][9:11, 6:8, 8:10] = 1
        images[0][masks["gone"] > 0] += 60
        masks["baseline_lesions"] |= masks["gone"]
    masks["followup_lesions"] |= masks["new"]
    masks["share_new"] = 255 * masks["new"]
    return Case(
        f"sub-{number:02d}_ses-2", f"{number:02d}", images[0], images[1], brain, masks["new"].copy(),
        affine=np.diag([1.0, 1, 1, 1]), mni_from_working=np.eye(4), slice_mm=(1.0, 1.0), masks=masks, whole=SHAPE,
    )  # fmt: skip


def make_stage(**entries: Any) -> Stage:
    content: dict[str, Any] = {
        "task": "segment_new",
        "inputs": ["baseline", "followup"],
        "network": {"name": "unet3d", "channels": [4, 8]},
        "sample": {"patch": [12, 12, 12], "batch": 2},
        "optimise": {"name": "adam", "lr": 0.01, "steps": 6, "validate_every": 3},
    }
    return Stage.of("new", content | entries)


def assert_resumes(training: Callable[[], Training], batches: Batches, steps: int, folder: Path, name: str) -> None:
    """A training that was killed after two steps ends with the weights of one that was not, which are not the first."""
    whole = training().run(lambda first: batches.each(first, 0))
    kept = Checkpoint(folder / "checkpoint", name)
    training().run(lambda first: batches.each(first, 0), kept, until=2)
    again = training()
    resumed = again.run(lambda first: batches.each(first, 0), kept)
    assert again.report.steps == steps
    for weight, other in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(weight, other)
    fresh = training().network.state_dict().values()
    assert any(not torch.equal(*pair) for pair in zip(fresh, resumed.state_dict().values(), strict=True))


def assert_a_step_lowers_the_loss(training: Training, batch: Batch) -> None:
    """One step on a batch; where hard examples are mined, the loss is that of the hardest."""
    learned = batch if training.miner is None else training.miner.hardest(batch, training.loss)
    network = training.network

    def loss() -> float:
        torch.manual_seed(0)  # the dropout of the step
        network.train()
        with torch.no_grad():
            return float(training.loss(network(learned.inputs), learned.target, learned.valid, learned.weight))

    before = loss()
    torch.manual_seed(0)
    training.run(lambda first: repeat(batch), until=1)
    assert np.isfinite(before) and loss() < before


def assert_goes_on_exactly(train: Callable[[Path, Callable[[str], None]], object], folder: Path) -> None:
    """``train`` (a folder, and what hears of progress), killed once, ends with the same files."""

    def kill(line: str) -> None:
        raise KeyboardInterrupt

    whole, killed = folder / "whole", folder / "killed"
    train(whole, lambda line: None)
    with pytest.raises(KeyboardInterrupt):
        train(killed, kill)
    assert (folder / "killed.checkpoint" / "state.pt").is_file()
    train(killed, lambda line: None)
    for file in ("weights.safetensors", "log.tsv"):
        assert sha256(killed / file) == sha256(whole / file)


def assert_both_directions(pair: Case, model: NetworkModel, limits: Limits, left_out: str) -> np.ndarray:
    """What a model says of a pair and of its reverse is the same the other way round; the rise."""
    rise, fall = both_directions(pair, model, limits, left_out=left_out)
    back = both_directions(pair.swapped(), model, limits, left_out=left_out)
    np.testing.assert_allclose((fall, rise), back, atol=1e-6)
    for one in (rise, fall):
        assert one.shape == pair.brain.shape and not one[~pair.brain].any()
        assert 0 <= one.min() <= one.max() <= 1 and np.isfinite(one).all()
    return rise
