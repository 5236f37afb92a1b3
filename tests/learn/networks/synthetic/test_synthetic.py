from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from newlesions.errors import ConfigError, InputError
from newlesions.images.morphology import label_lesions
from newlesions.learn.networks.synthetic.holes import blob, draw_place, hole, stamp, with_noise
from newlesions.learn.networks.synthetic.hooks import generate_elements, inpaint_elements, painter, pair_elements
from newlesions.learn.networks.synthetic.pretraining import generate_element, inpaint_element
from newlesions.learn.networks.synthetic.settings import SyntheticSettings
from newlesions.learn.networks.synthetic.sources import Source, draw_patch, lesion_frequency, source_of
from newlesions.learn.networks.synthetic.timepoints import element
from newlesions.networks.stages import Stage

SHAPE = (40, 44, 36)
# Most of the left hemisphere's white matter above the ventricles, in MNI mm.
AFFINE = np.array([[1.0, 0, 0, -52], [0, 1, 0, -40], [0, 0, 1, 5], [0, 0, 0, 1]])
SIDES = (24, 24, 24)
LEVEL = 10.0


@pytest.fixture(scope="module")
def source() -> Source:
    """Faint texture, and five cubes of a level that nothing else has."""
    rng = np.random.default_rng(0)
    image = rng.standard_normal(SHAPE).astype(np.float32)
    lesions = np.zeros(SHAPE, bool)
    for at in ((10, 10, 10), (20, 10, 10), (10, 22, 10), (18, 24, 20), (28, 30, 24)):
        lesions[tuple(slice(n, n + 3) for n in at)] = True
    image[lesions] = LEVEL
    brain = np.zeros(SHAPE, bool)
    brain[2:-2, 2:-2, 2:-2] = True
    return source_of("sub-01", image, lesions, brain, AFFINE, None, np.eye(4))


def erase(patches):
    """An inpainter that leaves a level of its own."""
    return np.full((len(patches), *patches.shape[2:]), -7.0, np.float32)


def draw(patches):
    """A generator that draws its mask."""
    return np.where(patches[:, 1] > 0, 5.0, 0.0).astype(np.float32)


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_new_is_what_the_baseline_alone_has_lost(source, seed):
    chosen = SyntheticSettings(margin=0)
    inputs, target, valid, _ = element(np.random.default_rng(seed), source, SIDES, chosen, erase, None)
    assert inputs.shape == (2, *SIDES)
    assert target.shape == (1, *SIDES)
    assert valid.all()
    np.testing.assert_array_equal(target[0] > 0, (inputs[0] == -7) & (inputs[1] == LEVEL))


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_new_is_what_the_followup_alone_has_gained(source, seed):
    kept = SyntheticSettings(states=(1, 0, 0, 0), added=5, margin=0)
    inputs, target, _, _ = element(np.random.default_rng(seed), source, SIDES, kept, erase, draw)
    np.testing.assert_array_equal(target[0] > 0, (inputs[1] == 5) & (inputs[0] != 5))
    np.testing.assert_array_equal(inputs[0] == LEVEL, inputs[1] == LEVEL)


@pytest.mark.parametrize("margin", [0, 1, 2])
def test_copies_are_equal_beside_lesions(source, margin):
    chosen = SyntheticSettings(added=3, margin=margin)
    rng = np.random.default_rng(4)
    inputs, target, _, _ = element(rng, source, SIDES, chosen, erase, draw)
    differs = inputs[0] != inputs[1]
    assert (differs | (target[0] == 0)).all()
    touched = np.isin(inputs, (-7, 0, 5)).any(axis=0)
    assert not (differs & ~touched).any()


@pytest.mark.parametrize(("state", "expected"), [(0, 0), (1, 1), (2, 0), (3, 0)])
def test_each_state(source, state, expected):
    states = tuple(float(n == state) for n in range(4))
    chosen = SyntheticSettings(states=states, positive=1.0)
    inputs, target, _, _ = element(np.random.default_rng(1), source, SIDES, chosen, erase, None)
    assert bool(target.any()) == bool(expected)
    assert [bool((image == LEVEL).any()) for image in inputs] == [state in (0, 2), state in (0, 1)]


def test_alterations_are_each_visits_own(source):
    def noise(rng, image):
        return image + rng.standard_normal(image.shape).astype(np.float32)

    chosen = SyntheticSettings(states=(1, 0, 0, 0))
    inputs, target, _, _ = element(np.random.default_rng(1), source, SIDES, chosen, erase, None, noise)
    assert (inputs[0] != inputs[1]).all()
    assert not target.any()


def test_states_have_their_shares(source):
    chosen = SyntheticSettings(states=(0.1, 0.6, 0.2, 0.1), positive=1.0, margin=0)
    counts = np.zeros(2)
    for seed in range(150):
        _, target, _, _ = element(np.random.default_rng(seed), source, SIDES, chosen, erase, None)
        patch = draw_patch(np.random.default_rng(seed), source, SIDES, 1.0)
        counts += label_lesions(target[0] > 0).max(), label_lesions(patch.lesions).max()
    assert counts[0] / counts[1] == pytest.approx(0.6, abs=0.08)


def test_everything_repeats(source):
    chosen = SyntheticSettings(added=3)
    makers = [
        lambda rng: element(rng, source, SIDES, chosen, erase, draw),
        lambda rng: inpaint_element(rng, source, SIDES, chosen),
        lambda rng: generate_element(rng, source, SIDES, chosen),
    ]
    for make in makers:
        first, again, other = (make(np.random.default_rng(seed)) for seed in (3, 3, 4))
        for one, two in zip(first[:3], again[:3], strict=True):
            np.testing.assert_array_equal(one, two)
            assert one.dtype == np.float32
        assert (first.inputs != other.inputs).any()


@pytest.mark.parametrize("sides", [(8, 8, 8), SIDES])
def test_inpainting_learns_from_tissue_without_lesions(source, sides):
    for seed in range(10):
        made = inpaint_element(np.random.default_rng(seed), source, sides, SyntheticSettings())
        holes = made.inputs != made.target
        assert holes.any()
        assert not (made.target[0][made.valid > 0] == LEVEL).any()
        assert not (holes[0] & (made.valid == 0)).any()
        if sides == (8, 8, 8):
            assert made.valid.all()


def test_generating_learns_lesions_from_their_mask(source):
    made = generate_element(np.random.default_rng(2), source, SIDES, SyntheticSettings(margin=1))
    mask = made.inputs[1] > 0
    assert mask.any()
    np.testing.assert_array_equal(made.target[0] == LEVEL, mask)
    np.testing.assert_array_equal(made.inputs[0] != made.target[0], hole(mask, 1))


def test_lesions_are_added_where_the_tissue_is_normal_white_matter(source):
    assert source.places.any()
    assert not source.places[~source.brain].any()
    assert not source.places[hole(source.lesions, 1)].any()
    assert (source.image[source.places > 0] < 5).all()


def test_the_patients_frequency_draws_lesions_to_their_places(source):
    mask = np.zeros(SHAPE)
    mask[5:12, 5:12, 5:12] = 1
    often = lesion_frequency([(mask, AFFINE)])
    drawn, plain = (
        source_of("x", source.image, source.lesions, source.brain, AFFINE, frequency, np.eye(4))
        for frequency in (often, None)
    )
    np.testing.assert_array_equal(drawn.places > 0, plain.places > 0)

    def share(places):
        return places[:16, :16, :16].sum() / places.sum()

    assert share(drawn.places) > 2 * share(plain.places)


def test_patches_beyond_the_field_of_view(source):
    patch = draw_patch(np.random.default_rng(0), source, (48, 48, 48), 1.0)
    assert patch.image.shape == (48, 48, 48)
    assert patch.inside.sum() == np.prod(SHAPE)
    assert patch.lesions.sum() == source.lesions.sum()


@given(st.integers(0, 1000), st.integers(1, 600))
@settings(max_examples=15, deadline=None)
def test_blobs_have_about_their_volume(seed, voxels):
    made = blob(np.random.default_rng(seed), voxels)
    assert label_lesions(made).max() == 1
    assert 0.5 * voxels <= made.sum() <= voxels


def test_shapes_are_stamped_and_cut():
    shape = np.ones((3, 3, 3), bool)
    whole = stamp(shape, np.array([5, 5, 5]), (10, 10, 10))
    assert whole[4:7, 4:7, 4:7].all()
    assert whole.sum() == 27
    assert stamp(shape, np.array([0, 0, 9]), (10, 10, 10)).sum() == 8


def test_noise_has_the_images_mean_and_spread():
    rng = np.random.default_rng(0)
    image = rng.normal(40, 3, (30, 30, 30)).astype(np.float32)
    holes = np.zeros(image.shape, bool)
    holes[5:25, 5:25, 5:25] = True
    noisy = with_noise(rng, image, holes, np.ones_like(holes))
    np.testing.assert_array_equal(noisy[~holes], image[~holes])
    assert noisy[holes].mean() == pytest.approx(40, abs=0.2)
    assert noisy[holes].std() == pytest.approx(3, abs=0.1)


def test_places_follow_their_density():
    weight = np.zeros((4, 4, 4), np.float32)
    assert draw_place(np.random.default_rng(0), weight) is None
    weight[0, 0, 0], weight[3, 3, 3] = 1, 3
    rng = np.random.default_rng(0)
    drawn = [int(draw_place(rng, weight)[0]) for _ in range(2000)]
    assert set(drawn) == {0, 3}
    assert np.mean(drawn) / 3 == pytest.approx(0.75, abs=0.04)


def _stage(task="segment_new", inputs=("baseline", "followup"), **synthetic) -> Stage:
    content = {"task": task, "inputs": list(inputs), "network": {"name": "any"}}
    return Stage.of("some", content | {"sample": {"options": {"synthetic": synthetic}}})


def test_hooks_give_each_stage_its_elements(source):
    class Second(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(1))

        def forward(self, x):
            return self.scale * x[:, -1:]

    network = painter(Second(), "cpu")
    rng = np.random.default_rng(0)
    made = pair_elements(_stage(inputs=("followup", "baseline"), added=2), [source], SIDES, network, network)(rng)
    assert made.inputs.shape == (2, *SIDES)
    forward = pair_elements(_stage(added=2), [source], SIDES, network, network)(np.random.default_rng(0))
    np.testing.assert_array_equal(forward.inputs, made.inputs[::-1])
    assert inpaint_elements(_stage("inpaint", ["flair"]), [source], SIDES)(rng).inputs.shape == (1, *SIDES)
    assert generate_elements(_stage("generate", ["flair", "lesions"]), [source], SIDES)(rng).inputs.shape[0] == 2


def test_errors_say_what_to_do(source):
    bare = source_of("x", source.image, np.zeros(SHAPE), source.brain, AFFINE, None, np.eye(4))
    with pytest.raises(ConfigError, match="baseline_lesions"):
        generate_elements(_stage("generate", ["flair", "lesions"]), [bare], SIDES)
    with pytest.raises(ConfigError, match="baseline and followup"):
        pair_elements(_stage(inputs=("baseline", "ratio")), [source], SIDES, erase, draw)
    with pytest.raises(ConfigError, match="known are states"):
        SyntheticSettings.of({"synthetic": {"state": 1}})
    with pytest.raises(ConfigError, match="4 shares that add to 1"):
        SyntheticSettings.of({"synthetic": {"states": [0.5, 0.2, 0.1, 0.1]}})
    with pytest.raises(InputError, match="an empty brain"):
        source_of("x", source.image, np.zeros(SHAPE), np.zeros(SHAPE, bool), AFFINE, None, np.eye(4))
