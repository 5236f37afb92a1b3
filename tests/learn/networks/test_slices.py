"""Training by slices, and patches on a lattice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from learn.networks.small import make_case, make_stage
from newlesions.errors import ConfigError
from newlesions.learn.networks.sample import Patches
from newlesions.learn.networks.slices import Slices
from newlesions.learn.networks.sources import Source, read_source, tasks_of
from newlesions.networks.stages import Stage


def stage(patch: list[int], **options: Any) -> Stage:
    network = {"name": "unet3d", "channels": [4, 8], "strides": [[2, 2, 1]]}
    return make_stage(network=network, sample={"patch": patch, "batch": 2, "options": options})


def sources(of: Stage) -> list[Source]:
    return [read_source(task, of, {}) for n in range(3) for task in tasks_of(make_case(n, lesions=n), of)]


def test_slices_with_a_lesion_come_twice_and_others_in_their_share() -> None:
    made = sources(stage([16, 16, 3]))
    slices = Slices.of(made, {"slices": {"lesion_free": 0.25}}, "new")
    assert slices is not None
    expected = {(n, int(k)) for n, source in enumerate(made) for k in np.flatnonzero(source.target.any(axis=(0, 1)))}
    assert {tuple(row) for row in slices.changed.tolist()} == expected and expected
    free = sum(int(source.brain.any(axis=(0, 1)).sum()) for source in made) - len(expected)
    assert len(slices.other) == round(0.25 * free)
    rng = np.random.default_rng(1)
    seen = [slices.draw(rng) for _ in range(4000)]
    kinds = {
        "plain": sum(axis is None and source.target[..., at[2]].any() for source, at, axis in seen),
        "mirrored": sum(axis == 0 for _, _, axis in seen),
        "free": sum(not source.target[..., at[2]].any() for source, at, _ in seen),
    }
    total = 2 * len(expected) + len(slices.other)
    for name, share in (("plain", len(expected)), ("mirrored", len(expected)), ("free", len(slices.other))):
        assert kinds[name] / len(seen) == pytest.approx(share / total, abs=0.03), name
    assert all(source.target[tuple(at)] for source, at, _ in seen if source.target[..., at[2]].any())


def test_a_mirrored_patch_is_the_patch_mirrored() -> None:
    of = stage([32, 32, 3], slices={"lesion_free": 0.0, "mirrored": 0})
    made = sources(of)
    patches = Patches(made, of, (32, 32, 3))
    seen = [patches.draw(np.random.default_rng(seed), positive=False) for seed in range(30)]
    found = {element.inputs.tobytes() for element in seen}
    twins = [element.mirrored(0) for element in seen]
    assert {element.inputs.tobytes() for element in twins} & found, "the whole slice, either way round"
    element, twin = seen[0], twins[0]
    np.testing.assert_array_equal(twin.inputs, element.inputs[:, ::-1])
    np.testing.assert_array_equal(twin.target, element.target[:, ::-1])
    np.testing.assert_array_equal(twin.valid, element.valid[::-1])
    assert all(element.target[0, ..., 1].any() for element in seen), "the middle one of three has the lesion"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"slices": {"lesion_free": 2}}, r"slices is .*; expected lesion_free \(0 to 1\)"),
        ({"slices": {"share": 0.1}}, "sample.options.slices is"),
        ({"slices": True}, "sample.options.slices is True"),
    ],
)
def test_what_cannot_be_is_one_line(options: dict[str, Any], message: str) -> None:
    of = stage([8, 8, 8], **options)
    with pytest.raises(ConfigError, match=message):
        Patches(sources(of), of, (8, 8, 8))


def test_without_a_lesion_and_a_share_there_is_nothing() -> None:
    of = stage([8, 8, 8])
    with pytest.raises(ConfigError, match="found no slice with a lesion"):
        Slices.of(sources(of)[:1], {"slices": {"lesion_free": 0.0}}, "new")


def test_pairs_without_a_lesion_train_on_one_slice_at_least() -> None:
    slices = Slices.of(sources(stage([8, 8, 8]))[:1], {"slices": {"lesion_free": 0.001}}, "new")
    assert slices is not None and len(slices.changed) == 0 and len(slices.other) == 1
