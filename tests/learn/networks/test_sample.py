import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learn.networks.small import SHAPE, make_case, make_stage
from newlesions.errors import ConfigError, InputError
from newlesions.learn.networks.batch import Element
from newlesions.learn.networks.sample import Batches, Patches, patch_sides
from newlesions.learn.networks.sources import read_source, tasks_of


def patches_of(stage, *cases, sides=None):
    sources = [read_source(task, stage, {}) for case in cases for task in tasks_of(case, stage)]
    return Patches(sources, stage, sides or stage.sample.patch)


def stage_with(**entries):
    sample = {"patch": [8, 8, 8], "batch": 4, **entries.pop("sample", {})}
    return make_stage(sample=sample, **entries)


def test_positive_patches_are_centred_on_lesions():
    patches = patches_of(stage_with(), make_case(0), make_case(1))
    rng = np.random.default_rng(0)
    assert all(patches.draw(rng, True).target[0, 4, 4, 4] == 1 for _ in range(50))


def test_other_patches_are_centred_in_the_brain():
    stage = stage_with(inputs=["brain"], sample={"patch": [5, 5, 5]})
    patches = patches_of(stage, make_case(0))
    rng = np.random.default_rng(0)
    drawn = [patches.draw(rng, False) for _ in range(50)]
    assert all(element.inputs[0, 2, 2, 2] == 1 for element in drawn)
    assert any(not element.target.any() for element in drawn)


def test_patches_are_cut_out_of_the_images_where_the_mask_is():
    stage = stage_with(prepare={"normalise": "none"})
    element = patches_of(stage, make_case(0)).draw(np.random.default_rng(0), True)
    lesion = element.target[0] > 0
    assert element.inputs[1][lesion].mean() > element.inputs[0][lesion].mean() + 40
    assert element.valid.all()


@settings(max_examples=25, deadline=None)
@given(st.tuples(*[st.integers(3, 34)] * 3), st.integers(0, 10**6), st.booleans())
def test_patches_of_any_size_have_it_and_know_what_is_padded(sides, seed, positive):
    patches = patches_of(stage_with(), make_case(0), sides=sides)
    element = patches.draw(np.random.default_rng(seed), positive)
    assert element.inputs.shape == (2, *sides)
    assert element.target.shape == (1, *sides)
    assert element.valid.sum() == np.prod(np.minimum(sides, SHAPE))
    assert not (element.target[0] * (1 - element.valid)).any()
    assert np.isfinite(element.inputs).all()


def test_warped_patches_stay_with_their_masks_and_nothing_stays_nothing():
    stage = stage_with(
        augment=[{"name": "affine", "degrees": 30}, {"name": "elastic"}, {"name": "noise", "sd": 0.5}],
        prepare={"normalise": "none"},
        inputs=["followup", "brain"],
    )
    patches = patches_of(stage, make_case(0))
    rng = np.random.default_rng(0)
    for _ in range(10):
        element = patches.draw(rng, True)
        inside = element.inputs[1] >= 0.5
        assert not element.inputs[0][~inside].any()
        lesion = (element.target[0] > 0) & inside
        assert element.inputs[0][lesion].mean() > element.inputs[0][inside & ~lesion].mean() + 20


def test_intensities_change_only_in_scans_and_before_expressions():
    stage = stage_with(
        inputs=["followup", "followup - baseline", "brain"],
        augment=[{"name": "scale_intensity", "range": [3, 3]}],
        prepare={"normalise": "none"},
    )
    cases = make_case(0)
    changed = patches_of(stage, cases).draw(np.random.default_rng(0), True)
    plain = patches_of(stage_with(inputs=list(stage.inputs), prepare={"normalise": "none"}), cases)
    before = plain.draw(np.random.default_rng(0), True)
    np.testing.assert_array_equal(changed.target, before.target)
    np.testing.assert_allclose(changed.inputs[:2], 3 * before.inputs[:2], rtol=1e-3, atol=0.1)
    np.testing.assert_array_equal(changed.inputs[2], before.inputs[2])


def test_slices_lie_across_their_view():
    stage = stage_with(sample={"patch": [10, 12], "views": [1]}, inputs=["followup"])
    case = make_case(0)
    element = patches_of(stage, case).draw(np.random.default_rng(0), True)
    assert element.inputs.shape == (1, 10, 12)
    expected = [case.masks["new"][:, j, :] for j in range(SHAPE[1])]
    found = any(
        np.array_equal(plane[i : i + 10, k : k + 12], element.target[0])
        for plane in expected for i in range(SHAPE[0] - 9) for k in range(SHAPE[2] - 11)
    )  # fmt: skip
    assert found


@pytest.mark.parametrize("view", [0, 1, 2])
def test_neighbours_are_the_slices_beside_the_one_that_is_learned(view):
    stage = stage_with(
        inputs=["baseline", "followup - baseline"],
        prepare={"normalise": "none", "mask": False},
        network={"name": "unet2d", "channels": [4, 8]},
        sample={"patch": [40, 40], "views": [view], "neighbours": 1},
    )
    case = make_case(0)
    patches = patches_of(stage, case)
    assert stage.channels == 6
    images = np.moveaxis(np.stack([case.baseline, case.followup]).astype(np.float16).astype(np.float32), view + 1, 1)
    masks = np.moveaxis(case.masks["new"], view, 0)
    for seed in range(5):
        element = patches.draw(np.random.default_rng(seed), True)
        assert element.inputs.shape == (6, 40, 40) and element.target.shape == (1, 40, 40)
        inner = element.valid > 0
        slices = [
            n
            for n in range(1, len(masks) - 1)
            if np.array_equal(element.target[0][inner], masks[n].ravel().astype(float))
        ]
        assert any(
            np.array_equal(element.inputs[:3, inner], images[0, n - 1 : n + 2].reshape(3, -1))
            and np.allclose(element.inputs[3:, inner], (images[1] - images[0])[n - 1 : n + 2].reshape(3, -1))
            for n in slices
        )


def test_neighbours_change_with_their_slice_and_stay_nothing_outside_the_brain():
    stage = stage_with(
        prepare={"normalise": "zscore_brain"},
        augment=[{"name": "affine"}, {"name": "contrast", "range": [1.5, 1.5]}, {"name": "shift_intensity"}],
        network={"name": "unet2d", "channels": [4, 8]},
        sample={"patch": [16, 16], "views": [2], "neighbours": 2},
    )
    patches = patches_of(stage, make_case(0))
    element = patches.draw(np.random.default_rng(1), True)
    assert element.inputs.shape == (10, 16, 16) and np.isfinite(element.inputs).all()
    zero = np.repeat(patches.sources[0].zero, 5)
    outside = element.inputs == zero.reshape(-1, 1, 1)
    assert outside[:, 0, 0].all() and not outside.all((1, 2)).any()


def test_a_network_that_needs_more_than_its_patch_sees_more():
    stage = stage_with(
        prepare={"normalise": "none"},
        network={"name": "pathways", "channels": [4], "coarse": [4], "joined": [4], "margin": 5},
        sample={"patch": [5, 5, 5]},
    )
    patches = patches_of(stage, make_case(0))
    for seed in range(5):
        element = patches.draw(np.random.default_rng(seed), True)
        assert element.inputs.shape == (2, 15, 15, 15) and element.target.shape == (1, 5, 5, 5)
        middle = element.inputs[:, 5:-5, 5:-5, 5:-5]
        lesion = element.target[0] > 0
        assert lesion[2, 2, 2] and middle[1][lesion].mean() > middle[0][lesion].mean() + 40
    batch = Batches(patches, None, stage, 0).make(0)
    assert batch.inputs.shape == (4, 2, 15, 15, 15) and batch.valid.shape == (4, 1, 5, 5, 5)


def test_soft_targets_are_shares_and_stay_so_when_they_are_warped():
    case = make_case(0)
    case.masks["share_new"] = np.where(case.masks["new"] > 0, 153, 0).astype(np.uint8)
    stage = stage_with(sample={"options": {"target": "soft"}}, augment=[{"name": "affine", "degrees": 30}])
    element = patches_of(stage, case).draw(np.random.default_rng(0), True)
    assert element.target.max() == pytest.approx(0.6, abs=1e-3)
    assert ((element.target > 0.01) & (element.target < 0.59)).any()
    cut = patches_of(stage_with(augment=[{"name": "affine", "degrees": 30}]), case).draw(np.random.default_rng(0), True)
    assert set(np.unique(cut.target)) == {0, 1}
    case.masks.pop("share_new")
    with pytest.raises(InputError, match="found no share of new, which target: soft learns"):
        patches_of(stage, case)


def test_all_views_are_drawn():
    stage = stage_with(sample={"patch": [20, 20], "views": [0, 1, 2]}, inputs=["brain"])
    patches = patches_of(stage, make_case(0))
    rng = np.random.default_rng(0)
    widths = {tuple(np.ptp(np.argwhere(patches.draw(rng, False).inputs[0]), axis=0)) for _ in range(60)}
    assert len(widths) > 5


def share(stage, *cases, number=60):
    batches = Batches(patches_of(stage, *cases), None, stage, seed=0)
    targets = np.concatenate([batches.make(n).target.numpy() for n in range(number)])
    return targets[:, 0, 4, 4, 4].mean()


def test_the_share_of_positive_patches_is_the_recipes():
    assert share(stage_with(sample={"positive": 1.0}), make_case(0)) == 1
    assert share(stage_with(sample={"positive": 0.0}), make_case(0)) < 0.2
    third = stage_with(sample={"positive": 0.3, "patch": [5, 5, 5]})
    made = Batches(patches_of(third, make_case(0)), None, third, seed=0)
    counted = [float(made.make(n).target[:, 0, 2, 2, 2].mean()) for n in range(80)]
    assert 0.27 < np.mean(counted) < 0.42  # some others meet a lesion too


def test_lesions_can_be_drawn_evenly():
    case = make_case(0, lesions=0)
    case.masks["new"][8, 10, 10] = 1
    case.masks["new"][13:16, 13:16, 10:13] = 1
    for centre, low, high in (("lesion", 0.4, 0.6), ("case", 0, 0.1), ("voxel", 0, 0.1)):
        stage = stage_with(sample={"patch": [3, 3, 3], "options": {"centre": centre}})
        patches, rng = patches_of(stage, case), np.random.default_rng(0)
        single = [patches.draw(rng, True).target.sum() == 1 for _ in range(200)]
        assert low <= np.mean(single) <= high


def test_pairs_count_alike_and_voxels_alike():
    small, large = make_case(0, lesions=0), make_case(1, lesions=0)
    small.masks["new"][10, 12, 9] = 1
    large.masks["new"][8:12, 11:15, 8:12] = 1
    for centre, low, high in (("case", 0.35, 0.65), ("voxel", 0, 0.1)):
        stage = stage_with(sample={"patch": [3, 3, 3], "options": {"centre": centre}})
        patches, rng = patches_of(stage, small, large), np.random.default_rng(0)
        assert low <= np.mean([patches.draw(rng, True).target.sum() == 1 for _ in range(150)]) <= high


def test_a_shift_moves_the_lesion_off_the_centre():
    case = make_case(0, lesions=0)
    case.masks["new"][10, 12, 10] = 1
    stage = stage_with(sample={"options": {"shift": 0.5}})
    patches, rng = patches_of(stage, case), np.random.default_rng(0)
    at = np.array([np.argwhere(patches.draw(rng, True).target[0])[0] for _ in range(60)])
    assert at.min() == 2
    assert at.max() == 6


def test_the_loss_can_be_kept_to_the_brain():
    stage = stage_with(sample={"options": {"valid": "brain"}}, inputs=["brain"])
    patches, rng = patches_of(stage, make_case(0)), np.random.default_rng(0)
    drawn = [patches.draw(rng, False) for _ in range(20)]
    assert all(np.array_equal(element.valid, element.inputs[0]) for element in drawn)
    assert any(not element.valid.all() for element in drawn)


def made_element(rng):
    return Element(
        np.full((2, 8, 8, 8), -7, np.float32), np.zeros((1, 8, 8, 8), np.float32), np.ones((8, 8, 8), np.float32)
    )


def test_the_loss_does_not_see_what_does_not_count():
    case = make_case(0)
    case.masks["enlarging"] = (case.brain & (np.indices(SHAPE)[0] % 2 == 0)).astype(np.uint8)
    stage = stage_with(sample={"options": {"enlarging": "ignored", "valid": "brain"}}, inputs=["brain"])
    patches, rng = patches_of(stage, case), np.random.default_rng(0)
    for element in (patches.draw(rng, True) for _ in range(10)):
        inside = element.inputs[0] > 0
        assert element.valid[element.target[0] > 0].all()
        rows = element.valid.any((1, 2)) & ~element.target[0].any((1, 2))
        assert not (rows[:-1] & rows[1:]).any()
        assert 0 < element.valid[inside].mean() < 1


def test_synthetic_elements_have_their_share_and_weight():
    stage = stage_with(sample={"synthetic": 0.75, "weights": [1.0, 1 / 3]})
    batches = Batches(patches_of(stage, make_case(0)), made_element, stage, seed=0)
    batch = batches.make(0)
    assert batch.weight.tolist() == pytest.approx([1, 1 / 3, 1 / 3, 1 / 3])
    assert (batch.inputs.amin((1, 2, 3, 4)) == -7).tolist() == [False, True, True, True]


def test_a_batch_is_the_same_whoever_makes_it():
    stage = stage_with(augment=[{"name": "affine"}, {"name": "noise"}, {"name": "motion"}])
    patches = patches_of(stage, make_case(0), make_case(1))
    alone = Batches(patches, None, stage, seed=4)
    ahead = Batches(patches, None, stage, seed=4).each(2, workers=3)
    for number in (2, 3, 4):
        np.testing.assert_array_equal(next(ahead).inputs, alone.make(number).inputs)
    ahead.close()
    assert not np.array_equal(alone.make(0).inputs, alone.make(1).inputs)
    assert not np.array_equal(alone.make(0).inputs, Batches(patches, None, stage, seed=5).make(0).inputs)


def test_elements_of_a_batch_are_drawn_apart():
    stage = stage_with(sample={"positive": 0.0})
    batch = Batches(patches_of(stage, make_case(0)), None, stage, seed=0).make(0)
    assert len({element.numpy().tobytes() for element in batch.inputs}) == 4


@pytest.mark.parametrize(
    ("sample", "text"),
    [
        ({"options": {"center": "case"}}, "options has 'center'"),
        ({"options": {"centre": "brain"}}, "centre is 'brain'; expected case or lesion or voxel"),
        ({"views": [2]}, "found a patch of 3 sides; expected 2 with"),
        ({"patch": [8, 8]}, "found a patch of 2 sides; expected 3 without"),
    ],
)
def test_samples_that_do_not_fit_are_refused(sample, text):
    with pytest.raises(ConfigError, match=text):
        patches_of(stage_with(sample=sample), make_case(0))


def test_synthetic_elements_need_a_maker():
    stage = stage_with(sample={"synthetic": 0.5})
    with pytest.raises(ConfigError, match="nothing that makes its elements"):
        Batches(patches_of(stage, make_case(0)), None, stage, seed=0)


@pytest.mark.parametrize(("share", "expected"), [(1.0, (64, 32)), (0.25, (16, 8)), (0.01, (8, 8)), (0.4, (24, 16))])
def test_patches_shrink_to_multiples(share, expected):
    assert patch_sides(make_stage(sample={"patch": [64, 32], "views": [2]}), share, 8) == expected


def centres(stage, *cases, positive=False, draws=400):
    """Of each patch, whether its middle voxel is brain, and whether it is lesion."""
    patches = patches_of(stage, *cases)
    rng = np.random.default_rng(0)
    drawn = [patches.draw(rng, positive) for _ in range(draws)]
    at = tuple(side // 2 for side in stage.sample.patch)
    return np.array([[element.inputs[0][at], element.target[0][at]] for element in drawn])


def test_centres_have_the_weights_of_their_voxels():
    """efird2021, p. 54: background 0, brain 1, lesion 100."""
    case = make_case(0)
    lesion, brain = int(case.masks["new"].sum()), int((case.brain & (case.masks["new"] == 0)).sum())
    sample = {"patch": [1, 1, 1], "options": {"centre_weights": [0, 1, 100]}}
    found = centres(stage_with(inputs=["brain"], sample=sample), case)
    expected = 100 * lesion / (100 * lesion + brain)
    assert found[:, 0].all()
    assert found[:, 1].mean() == pytest.approx(expected, abs=3 * np.sqrt(expected * (1 - expected) / len(found)))
    sample["options"] = {"centre_weights": [1, 1, 1]}
    found = centres(stage_with(inputs=["brain"], sample=sample), case)
    assert found[:, 0].mean() == pytest.approx(case.brain.mean(), abs=0.08), "uniformly over the whole"
    sample["options"] = {"centre_weights": [1, 0, 0]}
    assert not centres(stage_with(inputs=["brain"], sample=sample), case, draws=30).any()


def test_cases_are_equally_likely_and_lesions_have_their_chance_within_each():
    """fenneteau2021, p. 15: uniformly where there is no new lesion, else on one with 80 %."""
    sample = {"patch": [1, 1, 1], "positive": 0.8, "options": {"per_case": True}}
    stage = stage_with(inputs=["brain"], sample=sample)
    found = centres(stage, make_case(0, 2), make_case(1, 0), make_case(2, 0), make_case(3, 0))
    assert found[:, 0].all()
    assert found[:, 1].mean() == pytest.approx(0.8 / 4, abs=0.06)
    sample["options"] = {"per_case": True, "shift": 0.75}
    wide = stage_with(inputs=["brain"], sample=sample | {"patch": [8, 8, 8], "positive": 1.0})
    patches = patches_of(wide, make_case(0))
    drawn = [patches.draw(np.random.default_rng(seed), False).target for seed in range(30)]
    assert all(target.any() for target in drawn), "the lesion lies anywhere in the patch, but within it"
    assert {bool(target[0, 4, 4, 4]) for target in drawn} == {True, False}


@pytest.mark.parametrize("weights", [[0, 1], [0, -1, 1]])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(ConfigError, match=r"centre_weights is .*; expected 3 numbers, of background, brain, lesion"):
        patches_of(stage_with(sample={"options": {"centre_weights": weights}}), make_case(0))
    with pytest.raises(ConfigError, match="found no voxel with a weight"):
        patches_of(stage_with(sample={"options": {"centre_weights": [0, 0, 1]}}), make_case(0, 0))


def test_lesions_of_patches_are_enhanced():
    stage = stage_with(prepare={"normalise": "none"})
    bright = stage_with(prepare={"normalise": "none"}, augment=[{"name": "enhance_lesions", "range": [3.0, 3.0]}])
    plain, made = (patches_of(one, make_case(0)).draw(np.random.default_rng(1), True) for one in (stage, bright))
    lesion = plain.target[0] > 0
    rise = (plain.inputs[1] - plain.inputs[0])[lesion]
    np.testing.assert_allclose((made.inputs[1] - made.inputs[0])[lesion], 3 * rise, rtol=1e-3)
    np.testing.assert_array_equal(made.inputs[:, ~lesion], plain.inputs[:, ~lesion])
