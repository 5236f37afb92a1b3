from __future__ import annotations

import numpy as np
import pytest

from newlesions.errors import ConfigError
from newlesions.images.io import read_volume, write_volume
from newlesions.images.resample import Displacement
from newlesions.images.resample import resample as carried
from newlesions.images.volume import Volume
from newlesions.preprocess.template import brain_grid_in_mni
from newlesions.steps import resample as module
from newlesions.steps.resample import resample
from newlesions.steps.working import read_working
from steps.small import SPACING, Work, brain, scan, settings

NAMES = ("baseline.nii.gz", "followup.nii.gz", "brain.nii.gz", "working.json")


def test_both_visits_and_their_brain_come_onto_the_working_grid(work: Work) -> None:
    moved = np.eye(4)
    moved[0, 3] = SPACING
    halfway = work.halfway(baseline_from_halfway=moved.tolist(), followup_from_halfway=np.linalg.inv(moved).tolist())
    outputs = [work.pair / name for name in NAMES]
    resample(*work.visit("bias.nii.gz"), *work.visit("brain.nii.gz"), halfway, *outputs, settings("resample"))
    before, after, mask = (read_volume(path) for path in outputs[:3])
    assert before.grid.matches(after.grid) and before.grid.matches(mask.grid)
    np.testing.assert_allclose(before.affine[:3, :3], SPACING * np.eye(3))
    assert set(np.unique(mask.data)) == {0, 1}
    # Each brain has moved by a voxel, in opposite directions: what both show is narrower by two.
    shared = brain()[2:] & brain()[:-2]
    assert mask.data.sum() == shared.sum()


def test_scans_that_already_lie_there_keep_their_values(work: Work) -> None:
    outputs = [work.pair / name for name in NAMES]
    inputs = (*work.visit("bias.nii.gz"), *work.visit("brain.nii.gz"), work.halfway())
    resample(*inputs, *outputs, settings("resample"))
    *images, mask = (read_volume(path) for path in outputs[:3])
    for number, image in enumerate(images):
        own = scan(new=number == 1, seed=number).data[brain()]
        np.testing.assert_allclose(image.data[mask.data > 0], own, atol=0.01)


def test_mni_is_reached_in_one_interpolation_on_a_grid_that_is_the_same_for_all_pairs(work: Work) -> None:
    moved, mni = np.eye(4), np.diag([1.05, 1.1, 0.95, 1.0])
    moved[:3, 3] = 1.5, -2.0, 0.5
    halfway = work.halfway(baseline_from_halfway=moved.tolist(), mni_from_halfway=mni.tolist())
    outputs = [work.pair / name for name in NAMES]
    inputs = (*work.visit("bias.nii.gz"), *work.visit("brain.nii.gz"), halfway)
    resample(*inputs, *outputs, settings("resample", space="mni"))
    before, after, mask = (read_volume(path) for path in outputs[:3])
    working = read_working(outputs[3])
    assert working.space == "mni"
    np.testing.assert_array_equal(working.mni_from_working, np.eye(4))
    for image, source, way in zip((before, after), work.visit("bias.nii.gz"), (moved, np.eye(4)), strict=True):
        assert image.grid.matches(brain_grid_in_mni(SPACING))
        expected = carried(read_volume(source), image.grid, way @ np.linalg.inv(mni))
        np.testing.assert_allclose(image.data, expected.data, atol=1e-3)
    assert mask.grid.matches(before.grid)
    grown = mask.data.sum() / brain().sum()
    assert 0.9 * np.linalg.det(mni) < grown < np.linalg.det(mni)
    # The results in halfway space lie where they would without the way to MNI.
    resample(*inputs, *outputs, settings("resample"))
    assert working.halfway_grid.matches(read_volume(outputs[0]).grid)
    assert read_working(outputs[3]).halfway_grid.matches(working.halfway_grid)


def test_the_same_inputs_give_the_same_bytes(work: Work) -> None:
    inputs = (*work.visit("bias.nii.gz"), *work.visit("brain.nii.gz"), work.halfway())
    written = []
    for number in range(2):
        outputs = [work.pair / f"{number}_{name}" for name in NAMES]
        resample(*inputs, *outputs, settings("resample"))
        written.append([path.read_bytes() for path in outputs])
    assert written[0] == written[1]


def test_voxels_follow_the_scans_where_they_need_not_be_cubes(work: Work) -> None:
    for path in (*work.visit("bias.nii.gz"), *work.visit("brain.nii.gz")):
        held = read_volume(path)
        write_volume(path, Volume(np.ascontiguousarray(held.data[:, :, ::2]), held.affine @ np.diag([1.0, 1, 2, 1])))
    outputs = [work.pair / name for name in NAMES]
    inputs = (*work.visit("bias.nii.gz"), *work.visit("brain.nii.gz"), work.halfway())
    resample(*inputs, *outputs, settings("resample", cubic=False, coarsest_mm=20.0))
    before, mask = read_volume(outputs[0]), read_volume(outputs[2])
    np.testing.assert_allclose(before.affine[:3, :3], SPACING * np.diag([1, 1, 2]))
    own = read_volume(work.visit("bias.nii.gz")[0])
    assert np.corrcoef(before.data[mask.data > 0], carried(own, before.grid).data[mask.data > 0])[0, 1] > 0.999
    for more in ({"space": "mni"}, {"near_mm": 1.0}):
        with pytest.raises(ConfigError, match=r"resample\.cubic is false; expected space: halfway and near_mm: null"):
            resample(*inputs, *outputs, settings("resample", cubic=False, **more))


def test_the_baseline_alone_is_deformed_onto_the_followup(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    def by_a_voxel(fixed: Volume, moving: Volume, brain: np.ndarray, spacing_mm: float) -> Displacement:
        assert spacing_mm == 2.0 and fixed.grid.matches(moving.grid) and brain.any()
        vectors = np.zeros((*brain.shape, 3), np.float32)
        vectors[..., 0] = SPACING
        return Displacement(vectors, fixed.affine)

    monkeypatch.setattr(module, "deformation", by_a_voxel)
    inputs = (*work.visit("bias.nii.gz"), *work.visit("brain.nii.gz"), work.halfway())
    written = []
    for deform in ("none", "syn"):
        outputs = [work.pair / f"{deform}_{name}" for name in NAMES]
        resample(*inputs, *outputs, settings("resample", deform=deform))
        written.append([read_volume(path).data for path in outputs[:3]])
    (before, after, mask), (moved, same, both) = written
    np.testing.assert_array_equal(same, after)
    np.testing.assert_allclose(moved[:-1], before[1:], atol=1e-2)
    np.testing.assert_array_equal(both[:-1], mask[:-1] & mask[1:] if mask.dtype == bool else mask[:-1] * mask[1:])
