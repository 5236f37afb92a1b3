from __future__ import annotations

import numpy as np
import pytest
import torch

from newlesions.errors import InputError
from newlesions.learn.networks.batch import Batch
from newlesions.learn.networks.checkpoint import Checkpoint
from newlesions.learn.networks.loop import ROW, Training, half_precision
from newlesions.learn.networks.losses import Loss
from newlesions.networks.stages import Optimise


def tiny(seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Conv3d(1, 4, 3, padding=1), torch.nn.BatchNorm3d(4), torch.nn.ReLU(), torch.nn.Dropout(0.3),
        torch.nn.Conv3d(4, 1, 1),
    )  # fmt: skip


def batch_of(number: int, bad: bool = False) -> Batch:
    rng = np.random.default_rng(number)
    target = (rng.random((2, 1, 6, 6, 6)) > 0.7).astype(np.float32)
    inputs = (target + 0.3 * rng.standard_normal(target.shape)).astype(np.float32)
    if bad:
        inputs[0, 0, 0, 0, 0] = np.inf
    return Batch(*(torch.from_numpy(array) for array in (inputs, target, np.ones_like(target), np.ones(2, np.float32))))


def batches(first: int, bad: int | None = None):
    number = first
    while True:
        yield batch_of(number, number == bad)
        number += 1


def training(steps: int = 20, half: torch.dtype | None = None, **options) -> Training:
    how = {"name": "adam", "lr": 0.02, "validate_every": 5, **options}
    return Training(tiny(), Loss([{"name": "dice"}]), Optimise(**how), steps, seed=3, half=half)


def weights(network: torch.nn.Module) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in network.state_dict().items()}


def score(network: torch.nn.Module) -> float:
    assert not network.training
    with torch.inference_mode():
        return float(network(batch_of(999).inputs).std())


RESUMED = {
    "plain": {},
    "everything": {
        "ema": 0.9, "accumulate": 2, "clip": 0.5, "select": "best", "schedule": {"name": "plateau", "patience": 1},
    },
    "sgd": {"name": "sgd", "schedule": {"name": "cosine"}},
    "half": {"half": torch.bfloat16, "lr": 0.1},
}  # fmt: skip


@pytest.mark.parametrize("options", RESUMED.values(), ids=RESUMED)
def test_a_training_that_was_killed_and_resumed_is_one_that_was_not(tmp_path, options):
    undisturbed = training(**options)
    expected = weights(undisturbed.run(batches, validate=score))
    for until in (1, 7, 10, 13, None):
        resumed = training(**options)
        found = resumed.run(batches, Checkpoint(tmp_path, "x"), validate=score, until=until)
    assert weights(found) == expected
    assert resumed.report.log == undisturbed.report.log
    assert resumed.report.best == undisturbed.report.best
    assert resumed.report.patches == undisturbed.report.patches == 40 * options.get("accumulate", 1)


def test_the_checkpoint_of_another_training_is_not_used(tmp_path):
    training().run(batches, Checkpoint(tmp_path, "one"), until=10)
    assert Checkpoint(tmp_path, "one").read()["report"][0] == 10
    assert Checkpoint(tmp_path, "two").read() is None
    Checkpoint(tmp_path, "one").remove()
    assert not tmp_path.exists()


def test_steps_lower_the_loss():
    made = training(steps=1)
    before = made.loss(made.network(batch_of(0).inputs), batch_of(0).target, batch_of(0).valid)
    made.run(batches)
    torch.manual_seed(0)
    long = training(steps=100)
    long.run(batches)
    assert long.report.log[-1].loss < 0.6 * float(before.detach())


def test_one_step_along_the_gradient_lowers_the_loss_of_its_batch():
    network = torch.nn.Conv3d(1, 1, 3, padding=1)
    loss, batch = Loss([{"name": "ce"}]), batch_of(0)

    def value() -> float:
        return loss(network(batch.inputs), batch.target, batch.valid).item()

    before = value()
    Training(network, loss, Optimise(name="sgd", lr=0.05, momentum=0), 1, seed=0).run(lambda first: batches(0))
    assert value() < before


def _joined(*parts: Batch) -> Batch:
    return Batch(*(torch.cat(tensors) for tensors in zip(*(vars(part).values() for part in parts), strict=True)))


def test_accumulated_batches_are_one_large_batch():
    def run(accumulate: int, large: bool) -> list[float]:
        torch.manual_seed(1)
        network = torch.nn.Conv3d(1, 1, 3, padding=1)
        made = Training(network, Loss([{"name": "ce"}]), Optimise(name="sgd", lr=0.1, accumulate=accumulate), 3, seed=0)
        joined = (_joined(batch_of(n), batch_of(n + 1)) for n in range(0, 6, 2))
        made.run(lambda first: joined if large else batches(first))
        return network.weight.detach().flatten().tolist()

    assert run(2, False) == pytest.approx(run(1, True), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(
    ("has", "narrowest", "expected"),
    [({"avx512_bf16": True}, 4, torch.bfloat16), ({"amx_bf16": True}, 2, None), ({"avx2": True}, 8, None)],
)
def test_a_processor_with_half_precision_uses_it_in_networks_that_are_wide_enough(
    monkeypatch, has, narrowest, expected
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    assert half_precision(torch.device("cpu"), narrowest) == expected


def test_half_precision_is_of_products_and_not_of_weights():
    made = training(steps=3, half=torch.bfloat16)
    seen = []
    made.network[4].register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    made.run(batches)
    assert set(seen) == {torch.bfloat16}
    assert all(weight.dtype == torch.float32 for weight in made.network.parameters())


def test_half_precision_gives_the_same_gradients_whatever_lay_in_memory():
    def gradients() -> list[bytes]:
        torch.manual_seed(0)
        network = torch.nn.Sequential(
            torch.nn.Conv3d(2, 16, 3, padding=1), torch.nn.Conv3d(16, 32, 3, padding=1, stride=2),
            torch.nn.ConvTranspose3d(32, 16, 2, stride=2), torch.nn.Conv3d(16, 1, 1),
        )  # fmt: skip
        with torch.autocast("cpu", torch.bfloat16):
            outputs = network(torch.randn(2, 2, 8, 8, 8))
        for size in (10**4, 10**5, 10**6):
            garbage = [torch.full((size,), float("nan")) for _ in range(4)]
            del garbage
        outputs.float().square().mean().backward()
        return [weight.grad.numpy().tobytes() for weight in network.parameters()]

    first = gradients()
    assert all(gradients() == first for _ in range(5))


def test_gradients_are_clipped():
    network = torch.nn.Conv3d(1, 1, 1)
    before = torch.cat([p.detach().flatten() for p in network.parameters()])
    how = Optimise(name="sgd", lr=1.0, momentum=0, clip=0.01)
    Training(network, Loss([{"name": "ce"}]), how, 1, seed=0).run(batches)
    after = torch.cat([p.detach().flatten() for p in network.parameters()])
    assert float((after - before).norm()) == pytest.approx(0.01, rel=1e-2)


def test_the_mean_weights_are_the_result_and_differ_from_the_last():
    made = training(ema=0.99)
    found = made.run(batches)
    assert found is made.mean
    assert weights(found) != weights(made.network)


@pytest.mark.parametrize(("select", "step"), [("best", 10), ("last", 20)])
def test_the_best_or_the_last_weights_are_taken(select, step):
    scores = iter([0.1, 0.9, 0.5, 0.2])
    seen = []

    def validate(network: torch.nn.Module) -> float:
        seen.append(weights(network))
        return next(scores)

    made = training(select=select)
    assert weights(made.run(batches, validate=validate)) == seen[step // 5 - 1]
    assert made.report.best == ((10, 0.9) if select == "best" else None)
    assert [row.score for row in made.report.log if row.score is not None] == [0.1, 0.9, 0.5, 0.2]


def test_training_ends_after_looks_without_gain(tmp_path):
    scores = iter([0.1, 0.9, 0.5, 0.2, 0.1])
    made = training(steps=100, patience=2, select="best")
    made.run(batches, Checkpoint(tmp_path, "x"), validate=lambda network: next(scores))
    assert made.report.stopped
    assert made.report.steps == 20
    again = training(steps=100, patience=2, select="best")
    again.run(batches, Checkpoint(tmp_path, "x"), validate=lambda network: 1.0)
    assert again.report == made.report


def test_without_validation_the_loss_steers_the_plateau_and_nothing_ends_early():
    made = training(steps=40, patience=1, schedule={"name": "plateau", "patience": 1}, select="best")
    made.run(batches)
    assert made.report.steps == 40
    assert len(made.looks) == 8
    assert made.report.best is None


def test_a_loss_that_is_not_finite_is_one_clear_error(tmp_path):
    with pytest.raises(InputError, match=r"training: found a loss of nan at step 8 of 20; expected a finite loss"):
        training().run(lambda first: batches(first, bad=7), Checkpoint(tmp_path, "x"))
    assert Checkpoint(tmp_path, "x").read()["report"][0] == 5


def test_frozen_parts_do_not_change_nor_their_statistics():
    network = tiny()
    part = torch.nn.Sequential(*list(network)[:2]).requires_grad_(False)
    before = weights(part)
    last = network[4].weight.clone()
    Training(network, Loss([{"name": "dice"}]), Optimise(lr=0.1), 3, seed=0, frozen=[part]).run(batches)
    assert weights(part) == before
    assert not torch.equal(network[4].weight, last)


def test_the_log_has_a_row_every_so_many_steps_at_looks_and_at_the_end():
    made = training(steps=60, validate_every=40, schedule={"name": "steps", "milestones": [0.5]})
    made.run(batches)
    assert [row.step for row in made.report.log] == [ROW, 40, 2 * ROW, 60]
    assert [row.lr for row in made.report.log] == pytest.approx([0.02, 0.002, 0.002, 0.002])
