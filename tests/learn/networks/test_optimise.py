import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from newlesions.errors import ConfigError
from newlesions.learn.networks.optimise import blend, looks_without_gain, make_optimiser, make_schedule
from newlesions.networks.stages import Optimise


def rates(entry, steps=100, looks=()):
    schedule = make_schedule(entry, steps)
    return [schedule(step, looks) for step in range(steps)]


def test_cosine_falls_from_one_to_nothing():
    line = rates({"name": "cosine"})
    assert line[0] == 1
    assert line[50] == pytest.approx(0.5)
    assert line[-1] < 0.001
    assert line == sorted(line, reverse=True)


def test_steps_fall_at_shares_of_the_training():
    line = rates({"name": "steps", "milestones": [0.5, 0.8], "factor": 0.1})
    assert [line[n] for n in (0, 49, 50, 79, 80, 99)] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_linear_begins_after_its_share():
    line = rates({"name": "linear", "after": 0.5})
    assert line[50] == 1
    assert line[75] == pytest.approx(0.5)


def test_restarts_begin_again():
    line = rates({"name": "restarts", "period": 0.2, "growth": 2})
    assert [n for n, rate in enumerate(line) if rate == 1] == [0, 20, 60]


def test_plateau_falls_after_looks_without_gain():
    schedule = make_schedule({"name": "plateau", "patience": 2, "factor": 0.5}, 100)
    assert [schedule(0, looks) for looks in ([], [1, 2], [2, 1], [2, 1, 1], [2, 1, 1, 3, 0, 0])] == [1, 1, 1, 0.5, 0.25]


def test_warmup_rises_along_a_line():
    assert rates({"name": "constant", "warmup": 0.1})[:11] == pytest.approx([*(n / 10 for n in range(1, 11)), 1])


@given(st.sampled_from(["constant", "cosine", "steps", "linear", "plateau", "restarts"]), st.integers(1, 400))
def test_the_rate_is_never_above_the_first_nor_negative(name, steps):
    assert all(0 <= rate <= 1 for rate in rates({"name": name}, steps))


@pytest.mark.parametrize(
    "entry", [{"name": "cosinus"}, {"name": "cosine", "stop": 1}, {"name": "restarts", "growth": 0.5}]
)
def test_unknown_schedules_and_options_are_refused(entry):
    with pytest.raises(ConfigError, match="schedule"):
        make_schedule(entry, 10)


@pytest.mark.parametrize(("name", "kind"), [("adam", "Adam"), ("adamw", "AdamW"), ("sgd", "SGD")])
def test_optimisers_have_what_the_recipe_says(name, kind):
    parameters = [torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(2), requires_grad=False)]
    made = make_optimiser(parameters, Optimise(name=name, lr=0.5, weight_decay=0.1, betas=(0.8, 0.9), momentum=0.7))
    group = made.param_groups[0]
    assert type(made).__name__ == kind
    assert len(group["params"]) == 1
    assert (group["lr"], group["weight_decay"]) == (0.5, 0.1)
    assert group.get("betas", (0.8, 0.9)) == (0.8, 0.9)
    assert group.get("momentum", 0.7) == 0.7


def test_unknown_optimisers_and_nothing_to_train_are_refused():
    with pytest.raises(ConfigError, match="expected adam"):
        make_optimiser([torch.nn.Parameter(torch.ones(2))], Optimise(name="adan"))
    with pytest.raises(ConfigError, match="no weight that may change"):
        make_optimiser([], Optimise())


def test_the_mean_of_weights_follows_slowly_and_buffers_at_once():
    network = torch.nn.BatchNorm1d(3)
    mean = copy.deepcopy(network)
    with torch.no_grad():
        network.weight.fill_(2)
        network.running_mean.fill_(5)
    blend(mean, network, 0.9, updates=0)
    assert mean.weight.tolist() == pytest.approx([1.9] * 3)  # decay 1/10 at first
    assert mean.running_mean.tolist() == [5] * 3
    blend(mean, network, 0.9, updates=10_000)
    assert mean.weight.tolist() == pytest.approx([0.9 * 1.9 + 0.1 * 2] * 3)


def test_looks_without_gain_count_from_the_best():
    assert [looks_without_gain(looks) for looks in ([1], [1, 2], [2, 1, 1], [1, 3, 2, 3])] == [0, 0, 2, 2]


def test_rates_of_epochs_and_of_what_is_left():
    """fenneteau2021, p. 15: reduced by 10 % after each epoch; nnU-Net's polynomial."""
    epochs = make_schedule({"name": "epochs", "epochs": 4, "factor": 0.9}, 40)
    assert [epochs(step, []) for step in (0, 9, 10, 39)] == pytest.approx([1, 1, 0.9, 0.9**3])
    poly = make_schedule({"name": "poly", "power": 0.9}, 1000)
    assert [poly(step, []) for step in (0, 500, 1000)] == pytest.approx([1, 0.5**0.9, 0])
