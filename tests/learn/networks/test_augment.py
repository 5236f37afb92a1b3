import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from newlesions.errors import ConfigError
from newlesions.learn.networks.augment.frame import Frame, along, resizing
from newlesions.learn.networks.augment.geometry import TRANSFORMS as SPATIAL
from newlesions.learn.networks.augment.pipeline import _INTENSITY, Augment

CUBE = Frame((12, 12, 12))
SLICE = Frame((16, 12), axes=(0, 2), spacing=(1.0, 2.0))


def piece_of(sides, seed=0):
    """A mask, an image that is the mask, and every voxel's own coordinates (offsets from the centre)."""
    mask = np.random.default_rng(seed).random(sides) > 0.5
    at = np.indices(sides) - (np.reshape(sides, (-1, *[1] * len(sides))) - 1) / 2
    return np.concatenate([mask[None], mask[None], at]).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(sorted(SPATIAL)), min_size=1, max_size=4), st.integers(0, 10**6), st.booleans())
def test_images_and_masks_stay_together_and_nothing_comes_from_beyond(names, seed, flat):
    frame = SLICE if flat else CUBE
    geometry = Augment([{"name": name} for name in names]).geometry(np.random.default_rng(seed), frame)
    piece = piece_of(geometry.reach, seed)
    moved = geometry.apply(np.concatenate([piece, np.ones_like(piece[:1])]))
    assert moved.shape[1:] == frame.sides
    np.testing.assert_array_equal(moved[0], moved[1])
    np.testing.assert_allclose(moved[-1], 1, atol=1e-4)  # all within the piece that the reach asks for
    corners = [moved[2 + n] for n in range(len(frame.sides))]
    if all(name in ("flip", "orientations") for name in names):
        assert {abs(float(x)) for x in np.unique(np.stack(corners))} <= {n + 0.5 for n in range(8)}
        np.testing.assert_array_equal(np.sort(moved[0], axis=None), np.sort(piece[0], axis=None))


def test_the_centre_stays_where_it_is():
    geometry = Augment([{"name": "rotate", "degrees": 40}]).geometry(np.random.default_rng(0), Frame((13, 13, 13)))
    assert np.abs(geometry.apply(piece_of(geometry.reach)))[2:, 6, 6, 6].max() < 1e-4


def test_all_orientations_are_drawn_and_are_different():
    frame, rng, piece = Frame((3, 3, 3)), np.random.default_rng(0), np.arange(27, dtype=np.float32).reshape(1, 3, 3, 3)
    augment = Augment([{"name": "orientations"}])
    assert len({augment.geometry(rng, frame).apply(piece).tobytes() for _ in range(700)}) == 48


def test_orientations_keep_the_shape_of_the_patch():
    geometry = Augment([{"name": "orientations"}]).geometry(np.random.default_rng(3), Frame((4, 6, 4)))
    assert geometry.apply(np.zeros((1, 4, 6, 4), np.float32)).shape == (1, 4, 6, 4)


def test_flips_of_slices_are_those_of_the_volumes_axes():
    piece = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    coronal = Frame((2, 3), axes=(0, 2))
    for axis, expected in ((0, piece[:, ::-1]), (1, piece), (2, piece[:, :, ::-1])):
        augment = Augment([{"name": "flip", "axes": [axis], "each": 1.0}])
        np.testing.assert_array_equal(augment.geometry(np.random.default_rng(0), coronal).apply(piece), expected)


def test_transposing_exchanges_two_equal_axes():
    piece = np.arange(9, dtype=np.float32).reshape(1, 3, 3)
    augment = Augment([{"name": "transpose"}])
    flat = augment.geometry(np.random.default_rng(0), Frame((3, 3), axes=(0, 2))).apply(piece)
    np.testing.assert_array_equal(flat[0], piece[0].T)
    flipped = Augment([{"name": "flip", "axes": [0], "each": 1.0}, {"name": "transpose"}])
    moved = flipped.geometry(np.random.default_rng(0), Frame((3, 3), axes=(0, 2))).apply(piece)
    np.testing.assert_array_equal(moved[0], piece[0, ::-1].T)
    kept = augment.geometry(np.random.default_rng(0), Frame((3, 4), axes=(0, 2)))
    assert kept.order == (0, 1)


def test_an_aspect_stretches_one_axis_as_much_as_it_shrinks_another():
    for seed in range(20):
        matrix = Augment([{"name": "aspect"}]).geometry(np.random.default_rng(seed), CUBE).matrix
        scale = 1 / np.diag(matrix)
        np.testing.assert_allclose(scale.prod(), 1)
        assert 1 <= scale.max() / scale.min() <= 2 and np.count_nonzero(np.isclose(scale, 1)) == 1


def test_gradients_of_brightness_are_over_the_whole_patch():
    flat = np.ones((1, 12, 12, 12), np.float32)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        ramp = Augment([{"name": "gradient_brightness", "range": 0.3, "axes": [1]}]).change(rng, flat, CUBE)[0]
        assert np.ptp(ramp, axis=(0, 2)).max() < 1e-6
        np.testing.assert_allclose(ramp[0, 0, 0] + ramp[0, -1, 0], 2, rtol=1e-6)
        radial = Augment([{"name": "radial_brightness", "range": [0.3, 0.3]}]).change(rng, flat, CUBE)[0]
        assert radial.min() >= 1 and radial.max() == pytest.approx(1.3)


def test_equalised_contrast_is_local_and_keeps_the_range():
    rng = np.random.default_rng(0)
    picture = np.concatenate([rng.normal(10, 0.2, (16, 32)), rng.normal(30, 0.2, (16, 32))]).astype(np.float32)[None]
    picture[0, :2] = 0
    changed = Augment([{"name": "clahe", "clip": 0.5}]).change(
        np.random.default_rng(0), picture, Frame((32, 32), (0, 1))
    )
    assert not changed[0, :2].any() and changed.max() <= picture.max() + 1e-3
    assert changed[0, 4:12].std() > 5 * picture[0, 4:12].std()


def test_a_turn_is_one_in_millimetres():
    rng = np.random.default_rng(1)
    geometry = Augment([{"name": "rotate", "degrees": 30}]).geometry(rng, SLICE)
    turn = np.diag(SLICE.spacing) @ geometry.matrix @ np.diag(1 / np.array(SLICE.spacing))
    np.testing.assert_allclose(turn @ turn.T, np.eye(2), atol=1e-12)


def test_a_larger_scale_shows_less():
    geometry = Augment([{"name": "scale", "scale": [2, 2]}]).geometry(np.random.default_rng(0), CUBE)
    np.testing.assert_allclose(geometry.matrix, np.eye(3) / 2)


def images(sides=(12, 12, 12), seed=0):
    return np.random.default_rng(seed).uniform(1, 3, (2, *sides)).astype(np.float32)


@pytest.mark.parametrize("frame", [CUBE, SLICE], ids=["volume", "slice"])
@pytest.mark.parametrize("name", sorted(_INTENSITY))
def test_changes_of_intensity_are_seeded_finite_and_independent_when_asked(name, frame):
    same = images(frame.sides)
    same[1] = same[0]
    axes = {"axes": [0, 2]} if "axes" in _INTENSITY[name][1] else {}
    entry = {"name": name, **axes}
    state = torch.get_rng_state()
    first, again = (Augment([entry]).change(np.random.default_rng(5), same, frame) for _ in range(2))
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, same)
    assert np.array_equal(first[0], first[1]) == (name != "noise")
    assert torch.equal(torch.get_rng_state(), state)
    apart = Augment([entry | {"independent": True}])
    assert any(not np.array_equal(*apart.change(np.random.default_rng(seed), same, frame)) for seed in range(4))


def test_a_change_sees_nothing_as_zero():
    picture = images()
    shifted = picture - np.array([1, 2], np.float32).reshape(2, 1, 1, 1)
    augment = Augment([{"name": "scale_intensity", "range": [2, 2]}])
    changed = augment.change(np.random.default_rng(0), shifted, CUBE, -np.array([1, 2], np.float32))
    np.testing.assert_allclose(changed[0], 2 * picture[0] - 1, rtol=1e-5)
    np.testing.assert_allclose(changed[1], 2 * picture[1] - 2, rtol=1e-5)


def test_slices_are_means_along_the_axis():
    picture = np.zeros((1, 5, 5, 5), np.float32)
    picture[0, 2, 2, 2] = 3
    changed = Augment([{"name": "slices", "size": 3}]).change(np.random.default_rng(0), picture, Frame((5, 5, 5)))
    np.testing.assert_allclose(changed[0, 2, 2], [0, 1, 1, 1, 0], atol=1e-6)
    assert changed.sum() == pytest.approx(3)


def test_blurred_images_vary_less_and_sharpened_ones_more():
    picture = images()
    blurred = Augment([{"name": "blur"}]).change(np.random.default_rng(0), picture, CUBE)
    sharp = Augment([{"name": "sharpen"}]).change(np.random.default_rng(0), picture, CUBE)
    assert blurred.std() < picture.std() < sharp.std()
    np.testing.assert_allclose(blurred + sharp, 2 * picture, rtol=1e-4)  # the inverse of the same blur


def test_chances_and_groups_are_kept():
    rng, picture = np.random.default_rng(0), np.ones((1, 2, 2, 2), np.float32)
    twice, thrice = ({"name": "scale_intensity", "range": [n, n]} for n in (2, 3))
    augment = Augment([{"name": "one_of", "p": 0.75, "of": [twice, thrice], "shares": [0.2, 0.8]}])
    drawn = [float(augment.change(rng, picture, Frame((2, 2, 2)))[0, 0, 0, 0]) for _ in range(2000)]
    shares = [drawn.count(n) / 2000 for n in (1, 2, 3)]
    np.testing.assert_allclose(shares, [0.25, 0.15, 0.6], atol=0.04)


def test_resizing_is_scipys_zoom():
    from scipy import ndimage

    values = np.random.default_rng(0).random((5, 4)).astype(np.float32)
    expected = ndimage.zoom(values, (2.4, 1), order=3, mode="nearest", grid_mode=True)
    np.testing.assert_allclose(along(values, 0, resizing(5, 12)), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"name": "flipp"}, "'flipp'; expected one of flip"),
        ({"name": "flip", "axis": 0}, "augment flip: found option 'axis'"),
        ({"name": "flip", "independent": True}, "augment flip: found option 'independent'"),
        ({"name": "one_of", "of": []}, "expected some of one kind"),
        ({"name": "one_of", "of": [{"name": "flip"}, {"name": "blur"}]}, "expected some of one kind"),
        ({"name": "one_of", "of": [{"name": "blur"}], "shares": [1, 2]}, "found 2 shares; expected 1"),
    ],
)
def test_unknown_names_and_options_are_refused(entry, text):
    with pytest.raises(ConfigError, match=text):
        Augment([entry])


def test_new_lesions_rise_more_and_nothing_else_changes():
    """masson2021, p. 7."""
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=(2, 6, 6, 6)).astype(np.float32)
    target = rng.random(before.shape) < 0.2
    augment = Augment([{"name": "enhance_lesions", "p": 1.0, "range": [2.0, 2.0]}])
    assert augment.changes == augment.spatial == []
    found = augment.enhance(rng, before, after, target)
    np.testing.assert_array_equal(found[~target], after[~target])
    np.testing.assert_allclose((found - before)[target], 2 * (after - before)[target], rtol=1e-4, atol=1e-6)
    never = Augment([{"name": "enhance_lesions", "p": 0.0}])
    np.testing.assert_array_equal(never.enhance(rng, before, after, target), after)
    with pytest.raises(ConfigError, match="found enhance_lesions; expected it beside the group"):
        Augment([{"name": "one_of", "of": [{"name": "enhance_lesions"}]}])
