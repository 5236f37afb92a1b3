from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from newlesions.images.files import read_json, write_json
from newlesions.images.io import read_volume
from newlesions.images.transforms import read_itk, rigid_exp
from newlesions.images.volume import Affine
from newlesions.report.tables import read_rows
from newlesions.steps.finalise import finalise
from steps.small import AFFINE, LESION, SHAPE, SPACING, Work, scan, settings, texts

MOVED = rigid_exp(np.array([0.03, 0.0, -0.02, 1.0, 2.0, -1.0]))
IMAGES = ("mask", "probseg", "dseg", "halfway_mask", "preproc")


def run(
    work: Work, *, fsl: bool = False, space: str = "halfway", mni: Affine | None = None, **more: Path
) -> dict[str, Path]:
    out = work.folder.parent / "out"
    files = {name: out / f"{name}.nii.gz" for name in IMAGES}
    files |= {f"{name}_sidecar": out / f"{name}.json" for name in IMAGES}
    files |= {"dseg_labels": out / "dseg.tsv", "xfm": out / "sub-01_from-M00_to-halfway_mode-image_xfm.mat"}
    change, probability = work.changed()
    baseline, _, _ = work.harmonised()
    working = work.working(
        space, baseline_from_halfway=MOVED.tolist(), mni_from_halfway=(np.eye(4) if mni is None else mni).tolist()
    )
    halfway = work.pair / "halfway.json"
    flair, baseline_flair = work.sessions[1] / "flair.nii.gz", work.sessions[0] / "flair.nii.gz"
    inputs = (change, probability, baseline, halfway, working, flair, baseline_flair)
    finalise(*inputs, **files, settings=settings("finalise", fsl=fsl), **more)
    return files


def test_every_file_is_written_and_no_other(work: Work) -> None:
    files = run(work)
    assert set((work.folder.parent / "out").iterdir()) == set(files.values())


def test_masks_classes_and_probability_agree_on_the_follow_ups_grid(work: Work) -> None:
    files = run(work)
    mask, soft, classes = (read_volume(files[name]) for name in ("mask", "probseg", "dseg"))
    for volume in (mask, soft, classes):
        assert volume.grid.matches(scan().grid)
    expected = np.zeros(mask.data.shape)
    expected[LESION] = 1
    np.testing.assert_array_equal(mask.data, expected)
    np.testing.assert_array_equal(classes.data == 1, mask.data == 1)
    assert np.argwhere(classes.data == 2).tolist() == [[18, 26, 24], [19, 26, 24]]
    np.testing.assert_allclose(soft.data, 0.9 * expected, atol=1e-6)
    np.testing.assert_array_equal(read_volume(files["halfway_mask"]).data, expected)
    assert nib.load(files["mask"]).get_data_dtype() == np.uint8


def test_results_in_halfway_space_lie_there_when_the_visits_are_compared_in_mni(work: Work) -> None:
    mni = np.eye(4)
    mni[0, 3] = 2 * SPACING
    files = run(work, fsl=True, space="mni", mni=mni)
    # What lies at voxel n of MNI lies at n - 2 of the halfway grid and of the follow-up, which did not move.
    expected = np.zeros(SHAPE)
    expected[LESION] = 1
    expected = np.roll(expected, -2, axis=0)
    for name in ("mask", "halfway_mask"):
        volume = read_volume(files[name])
        np.testing.assert_allclose(volume.affine, AFFINE, atol=1e-9)
        np.testing.assert_array_equal(volume.data, expected)
    assert np.argwhere(read_volume(files["dseg"]).data == 2).tolist() == [[16, 26, 24], [17, 26, 24]]
    shown = read_volume(files["preproc"])
    np.testing.assert_allclose(shown.affine, AFFINE, atol=1e-9)
    worked = read_volume(work.pair / "harmonised_baseline.nii.gz").data
    np.testing.assert_allclose(shown.data[:-2], worked[2:], atol=0.01 + worked.max() / 8192)
    np.testing.assert_allclose(read_itk(files["xfm"]), MOVED, atol=1e-9)
    flirt = np.loadtxt(files["xfm"].with_name("sub-01_from-M00_to-halfway_mode-image_desc-flirt_xfm.mat"))
    np.testing.assert_allclose(flirt[:3, :3] @ flirt[:3, :3].T, np.eye(3), atol=1e-6)
    assert "MNI" in read_json(files["preproc_sidecar"])["Description"]
    assert "halfway" in read_json(files["preproc_sidecar"])["SpatialReference"]


def test_a_pair_without_change_gets_empty_images(work: Work) -> None:
    run(work)
    change, probability = work.changed()
    for path in (change, probability):
        image = nib.load(path)
        nib.save(nib.Nifti1Image(np.zeros(image.shape, image.get_data_dtype()), image.affine), path)
    work.changed = lambda: (change, probability)  # type: ignore[method-assign]
    files = run(work)
    for name in ("mask", "probseg", "dseg", "halfway_mask"):
        assert not read_volume(files[name]).data.any()


def test_the_transform_leads_from_halfway_to_the_baseline(work: Work) -> None:
    np.testing.assert_allclose(read_itk(run(work)["xfm"]), MOVED, atol=1e-9)


def test_flirt_matrices_come_on_request(work: Work) -> None:
    xfm = run(work, fsl=True)["xfm"]
    flirt = np.loadtxt(xfm.with_name("sub-01_from-M00_to-halfway_mode-image_desc-flirt_xfm.mat"))
    assert flirt.shape == (4, 4)
    np.testing.assert_allclose(flirt[3], [0, 0, 0, 1])
    # Rigid, like the transform itself, over other millimetres and in the other direction.
    np.testing.assert_allclose(flirt[:3, :3] @ flirt[:3, :3].T, np.eye(3), atol=1e-6)
    assert np.trace(flirt[:3, :3]) == pytest.approx(np.trace(MOVED[:3, :3]), abs=1e-6)


def test_sidecars_tell_what_is_in_the_file_and_nothing_of_the_machine(work: Work) -> None:
    files = run(work)
    for text in texts(work.folder.parent / "out").values():
        assert str(work.folder.parent) not in text and "sub-01" not in text
    assert read_json(files["mask_sidecar"])["Description"] == "new lesions"
    labels = read_rows(files["dseg_labels"])
    assert [(row["index"], row["name"]) for row in labels] == [
        ("1", "new"),
        ("2", "enlarging"),
        ("3", "gone"),
        ("4", "shrinking"),
    ]


@pytest.mark.parametrize(("told", "word"), [({}, None), ({"tissue": "mni"}, "MNI"), ({"tissue": "samseg"}, "SAMSEG")])
def test_the_masks_sidecars_say_where_tissue_came_from(work: Work, told: dict[str, str], word: str | None) -> None:
    write_json(work.pair / "candidates.json", {"k": 1.5, **told})
    files = run(work, candidates=work.pair / "candidates.json")
    for name in ("mask", "probseg", "dseg", "halfway_mask"):
        said = read_json(files[f"{name}_sidecar"]).get("Tissue")
        assert said is None if word is None else word in said
    assert "Tissue" not in read_json(files["preproc_sidecar"])
