from __future__ import annotations

import numpy as np

from newlesions.images.io import read_volume
from newlesions.steps.resample import resample
from steps.small import SPACING, Work, brain, scan, settings


def test_both_visits_and_their_brain_come_onto_the_working_grid(work: Work) -> None:
    moved = np.eye(4)
    moved[0, 3] = SPACING
    halfway = work.halfway(baseline_from_halfway=moved.tolist(), followup_from_halfway=np.linalg.inv(moved).tolist())
    names = ("baseline.nii.gz", "followup.nii.gz", "brain.nii.gz")
    outputs = [work.pair / name for name in names]
    resample(*work.visit("bias.nii.gz"), *work.visit("brain.nii.gz"), halfway, *outputs, settings("resample"))
    before, after, mask = (read_volume(path) for path in outputs)
    assert before.grid.matches(after.grid) and before.grid.matches(mask.grid)
    np.testing.assert_allclose(before.affine[:3, :3], SPACING * np.eye(3))
    assert set(np.unique(mask.data)) == {0, 1}
    # Each brain has moved by a voxel, in opposite directions: what both show is narrower by two.
    shared = brain()[2:] & brain()[:-2]
    assert mask.data.sum() == shared.sum()


def test_scans_that_already_lie_there_keep_their_values(work: Work) -> None:
    outputs = [work.pair / name for name in ("baseline.nii.gz", "followup.nii.gz", "brain.nii.gz")]
    inputs = (*work.visit("bias.nii.gz"), *work.visit("brain.nii.gz"), work.halfway())
    resample(*inputs, *outputs, settings("resample"))
    *images, mask = (read_volume(path) for path in outputs)
    for number, image in enumerate(images):
        own = scan(new=number == 1, seed=number).data[brain()]
        np.testing.assert_allclose(image.data[mask.data > 0], own, atol=0.01)


def test_the_same_inputs_give_the_same_bytes(work: Work) -> None:
    inputs = (*work.visit("bias.nii.gz"), *work.visit("brain.nii.gz"), work.halfway())
    written = []
    for number in range(2):
        outputs = [work.pair / f"{name}{number}.nii.gz" for name in ("a", "b", "c")]
        resample(*inputs, *outputs, settings("resample"))
        written.append([path.read_bytes() for path in outputs])
    assert written[0] == written[1]
