from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from newlesions.errors import InputError
from newlesions.images.io import read_volume
from newlesions.images.resample import resample
from newlesions.images.transforms import read_itk, rigid_exp, rms_distance
from newlesions.images.volume import Affine, Volume, apply_affine
from newlesions.preprocess import halfway as module
from newlesions.preprocess.bias import PRESETS, correct_bias
from newlesions.preprocess.brain import locate_brain
from newlesions.preprocess.halfway import (
    Halfway,
    Visit,
    brain_grid,
    brain_points,
    check_same_head,
    find_halfway,
    mask_on,
    mean_affine,
    nearest_rigid,
    orthonormal,
)
from newlesions.simulate.subject import Subject

FIELDS = ("baseline_from_halfway", "followup_from_halfway")


def pose(seed: int, angle: float = 0.2, shift: float = 20) -> Affine:
    rng = np.random.default_rng(seed)
    return rigid_exp(np.concatenate([rng.uniform(-angle, angle, 3), rng.uniform(-shift, shift, 3)]))


def followup_from_baseline(halfway: Halfway) -> Affine:
    return np.asarray(halfway.followup_from_halfway @ np.linalg.inv(halfway.baseline_from_halfway))


@pytest.fixture(scope="module")
def both_ways(visits: tuple[Visit, Visit]) -> tuple[Halfway, Halfway]:
    """The pair and its mirror image, registered at the scans' own 4 mm: twenty times quicker than at 1.5 mm."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_brain_image", partial(module._brain_image, spacing=4.0))
        return find_halfway(*visits), find_halfway(*visits[::-1])


def test_the_true_transform_is_found(
    subject: Subject, visits: tuple[Visit, Visit], both_ways: tuple[Halfway, Halfway]
) -> None:
    found, true = followup_from_baseline(both_ways[0]), subject.followup_from_baseline(0, 1)
    points = brain_points(visits[0].brain)
    assert rms_distance(np.eye(4), true, points) > 5  # there was something to find
    assert rms_distance(found, true, points) < 1.0


def test_halfway_is_in_the_middle(both_ways: tuple[Halfway, Halfway]) -> None:
    halfway = both_ways[0]
    np.testing.assert_allclose(halfway.baseline_from_halfway @ halfway.followup_from_halfway, np.eye(4), atol=1e-6)


def test_exchanging_the_visits_exchanges_the_matrices(both_ways: tuple[Halfway, Halfway]) -> None:
    forward, backward = both_ways
    np.testing.assert_allclose(forward.baseline_from_halfway, backward.followup_from_halfway, atol=1e-6)
    np.testing.assert_allclose(forward.followup_from_halfway, backward.baseline_from_halfway, atol=1e-6)
    np.testing.assert_allclose(forward.mni_from_halfway, backward.mni_from_halfway, atol=1e-6)
    assert forward.correlation == pytest.approx(backward.correlation, abs=1e-6)
    assert forward.brain_overlap == pytest.approx(backward.brain_overlap, abs=1e-6)
    assert forward.inverse_consistency_mm == pytest.approx(backward.inverse_consistency_mm, abs=0.01)


def test_a_good_registration_looks_good_and_a_wrong_one_does_not(
    visits: tuple[Visit, Visit], both_ways: tuple[Halfway, Halfway]
) -> None:
    assert both_ways[0].correlation > 0.9
    assert both_ways[0].brain_overlap > 0.95
    assert both_ways[0].inverse_consistency_mm < 0.5
    unmoved = find_halfway(*visits, aligned=True)
    assert unmoved.correlation < both_ways[0].correlation - 0.1
    assert unmoved.brain_overlap < both_ways[0].brain_overlap


def test_mni_of_the_halfway_space_is_where_both_visits_put_it(
    subject: Subject, visits: tuple[Visit, Visit], both_ways: tuple[Halfway, Halfway]
) -> None:
    # Both visits' affines lead to the space in which the head was drawn; so does halfway space's.
    halfway = both_ways[0]
    expected = visits[0].mni_from_scan @ halfway.baseline_from_halfway
    assert rms_distance(halfway.mni_from_halfway, expected, brain_points(visits[0].brain)) < 1.0


def test_aligned_scans_stay_where_they_are(visits: tuple[Visit, Visit]) -> None:
    visit = visits[0]
    halfway = find_halfway(visit, visit, aligned=True)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(halfway, name), np.eye(4))
    np.testing.assert_allclose(halfway.mni_from_halfway, visit.mni_from_scan, atol=1e-9)
    assert halfway.correlation == pytest.approx(1)
    assert halfway.brain_overlap == pytest.approx(1)
    assert halfway.inverse_consistency_mm == 0


@given(st.integers(0, 10_000))
def test_mean_affine_does_not_care_for_the_order(seed: int) -> None:
    scale = np.diag([1.1, 0.95, 1.05, 1])
    a, b = pose(seed) @ scale, scale @ pose(seed + 1)
    np.testing.assert_allclose(mean_affine(a, b), mean_affine(b, a), atol=1e-9)
    np.testing.assert_allclose(mean_affine(a, a), a, atol=1e-6)


@given(st.integers(0, 10_000))
def test_the_nearest_rigid_of_a_scaled_pose_is_the_pose(seed: int) -> None:
    points = np.random.default_rng(seed).normal(0, 40, (60, 3))
    rigid = nearest_rigid(pose(seed, angle=1.5), points)
    np.testing.assert_allclose(rigid, pose(seed, angle=1.5), atol=1e-9)
    scaled = nearest_rigid(pose(seed) @ np.diag([1.2, 1.2, 1.2, 1]), points)
    np.testing.assert_allclose(scaled[:3, :3], pose(seed)[:3, :3], atol=1e-9)
    centre = points.mean(axis=0)
    expected = apply_affine(pose(seed) @ np.diag([1.2, 1.2, 1.2, 1]), centre)
    np.testing.assert_allclose(apply_affine(scaled, centre), expected, atol=1e-9)
    mirrored = nearest_rigid(np.diag([-1.0, 1, 1, 1]), points)
    assert np.linalg.det(mirrored[:3, :3]) == pytest.approx(1)


def test_orthonormal_undoes_rounding() -> None:
    exact = pose(3)
    rounded = exact.astype(np.float32).astype(np.float64)
    cleaned = orthonormal(rounded)
    np.testing.assert_allclose(cleaned[:3, :3] @ cleaned[:3, :3].T, np.eye(3), atol=1e-14)
    np.testing.assert_allclose(cleaned, exact, atol=1e-5)


def box(spacing: tuple[float, float, float] = (2, 2, 5)) -> Volume:
    data = np.zeros((30, 30, 15), dtype=bool)
    data[5:25, 8:20, 3:12] = True
    return Volume(data, np.diag([*spacing, 1.0]))


def test_brain_points_fill_the_brain_evenly() -> None:
    mask = box()
    points = brain_points(mask)
    voxels = apply_affine(np.linalg.inv(mask.affine), points).round().astype(int)
    assert mask.data[tuple(voxels.T)].all()
    volume = mask.data.sum() * mask.voxel_volume
    assert len(points) * 4 * 4 * 5 == pytest.approx(volume, rel=0.2)


def test_the_working_grid_holds_both_brains() -> None:
    mask = box()
    to_baseline, to_followup = pose(1), pose(2)
    grid = brain_grid(mask, mask, to_baseline, to_followup, spacing=2.0)
    swapped = brain_grid(mask, mask, to_followup, to_baseline, spacing=2.0)
    assert grid.matches(swapped)
    for matrix in (to_baseline, to_followup):
        carried = mask_on(mask, grid, matrix)
        volume = carried.sum() * grid.voxel_volume
        assert volume == pytest.approx(mask.data.sum() * mask.voxel_volume, rel=0.03)
        assert not carried[0].any()
        assert not carried[:, -1].any()


GOOD = Halfway(np.eye(4), np.eye(4), np.eye(4), inverse_consistency_mm=0.1, correlation=0.95, brain_overlap=0.98)


@pytest.mark.parametrize(
    ("halfway", "words"),
    [
        (replace(GOOD, correlation=0.3), r"do not fit each other \(correlation 0.30"),
        (replace(GOOD, inverse_consistency_mm=4.2), "differ by 4.2 mm between the two directions"),
    ],
)
def test_two_heads_are_refused(halfway: Halfway, words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        check_same_head(halfway, "sub-01_ses-2", min_correlation=0.6, max_distance_mm=2.0)
    assert str(error.value).startswith("sub-01_ses-2: found")
    check_same_head(GOOD, "sub-01_ses-2", min_correlation=0.6, max_distance_mm=2.0)


def real_visit(folder: Path, subject: str, session: str) -> tuple[Visit, Affine]:
    """A real visit with the given brain, and the given matrix from the common space to it."""
    reference = folder / "derivatives" / "reference" / f"sub-{subject}"
    name = f"sub-{subject}_ses-{session}_FLAIR.nii.gz"
    scan = read_volume(folder / f"sub-{subject}" / f"ses-{session}" / "anat" / name)
    common = read_volume(reference / f"sub-{subject}_space-common_desc-brain_mask.nii.gz")
    given_matrix = read_itk(reference / f"sub-{subject}_from-ses{session}_to-common_mode-image_xfm.mat")
    mask = resample(common, scan.grid, np.linalg.inv(given_matrix), order=1).data >= 0.5
    image = correct_bias(scan, PRESETS["fast"])
    brain = locate_brain(image, image.with_data(mask))
    return Visit(image, brain.mask, brain.mni_from_scan), given_matrix


@pytest.mark.slow
@pytest.mark.parametrize("subject", ["01", "12"])
def test_real_pairs_agree_with_the_given_transforms(shared_data: Path, subject: str) -> None:
    (baseline, to_first), (followup, to_second) = (real_visit(shared_data / "open_ms", subject, n) for n in "12")
    given_transform = to_second @ np.linalg.inv(to_first)
    halfway = find_halfway(baseline, followup)
    assert rms_distance(followup_from_baseline(halfway), given_transform, brain_points(baseline.brain)) < 1.0
    check_same_head(halfway, subject, min_correlation=0.6, max_distance_mm=1.0)
    # The visits may lie in the scanner as they like: another 25 degrees change nothing.
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xz", (15, 20), degrees=True).as_matrix()
    turn[:3, 3] = [30, -20, 10]
    moved = Visit(
        Volume(followup.image.data, turn @ followup.image.affine),
        Volume(followup.brain.data, turn @ followup.brain.affine),
        np.asarray(followup.mni_from_scan @ np.linalg.inv(turn)),
    )
    again = np.linalg.inv(turn) @ followup_from_baseline(find_halfway(baseline, moved))
    assert rms_distance(again, followup_from_baseline(halfway), brain_points(baseline.brain)) < 0.3
