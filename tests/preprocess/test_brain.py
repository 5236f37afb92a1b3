from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from newlesions.errors import InputError
from newlesions.images.io import read_volume
from newlesions.images.morphology import dilate
from newlesions.images.resample import resample
from newlesions.images.transforms import read_itk
from newlesions.images.volume import Grid, Volume
from newlesions.preprocess import brain as module
from newlesions.preprocess.bias import PRESETS, correct_bias
from newlesions.preprocess.brain import (
    EdgeSettings,
    check_size,
    extract_brain,
    locate_brain,
    otsu_brain,
    refine_edge,
    rough_brain,
)
from newlesions.preprocess.halfway import Visit, brain_points
from newlesions.preprocess.template import load_template

REAL = [("01", "1"), ("01", "2"), ("04", "1"), ("09", "2"), ("12", "1"), ("12", "2"), ("20", "2")]


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def test_brain_of_a_simulated_head(visits: tuple[Visit, Visit], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_COARSE", 4.0)  # the scan has no more; eight times quicker
    visit = visits[0]
    found = extract_brain(visit.image, starts=(0,))
    assert dice(found.mask.data, visit.brain.data) >= 0.93
    assert found.mask.data.shape == visit.image.data.shape
    np.testing.assert_array_equal(found.mask.affine, visit.image.affine)
    assert found.volume_ml == pytest.approx(visit.brain.data.sum() * 0.064, rel=0.1)
    scales = np.linalg.svd(found.mni_from_scan[:3, :3], compute_uv=False)
    assert ((scales > 0.85) & (scales < 1.35)).all()  # heads are smaller than the template


def test_a_given_mask_is_kept_and_located(visits: tuple[Visit, Visit], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_COARSE", 4.0)
    visit = visits[1]
    located = locate_brain(visit.image, visit.brain, starts=(0,))
    np.testing.assert_array_equal(located.mask.data, visit.brain.data)
    centre = brain_points(visit.brain).mean(axis=0)
    template_centre = np.array([0, -18, 11])
    mapped = located.mni_from_scan[:3, :3] @ centre + located.mni_from_scan[:3, 3]
    assert np.linalg.norm(mapped - template_centre) < 12


def test_the_rough_brain_is_most_of_the_brain_and_little_else(visits: tuple[Visit, Visit]) -> None:
    visit = visits[0]
    grid = Grid((60, 70, 60), np.diag([3.0, 3, 3, 1]) + np.pad(-90 * np.ones((3, 1)), ((0, 1), (3, 0))))
    scan = resample(visit.image, grid, order=1)
    rough, level = rough_brain(scan)
    truth = resample(visit.brain.with_data(visit.brain.data.astype(np.float32)), grid, order=1).data > 0.5
    assert dice(rough, truth) > 0.8
    assert level == pytest.approx(float(np.median(scan.data[truth])), rel=0.1)


def test_otsus_brain_is_most_of_the_brain_and_nothing_of_the_scalp(visits: tuple[Visit, Visit]) -> None:
    visit = visits[0]
    found = otsu_brain(visit.image)
    assert found.data.shape == visit.image.data.shape
    assert dice(found.data, visit.brain.data) > 0.85
    beyond = found.data & ~dilate(visit.brain.data, 8.0, visit.image.spacing)
    assert beyond.sum() < 0.01 * found.data.sum()
    with pytest.raises(InputError, match="nothing thick above Otsu's threshold"):
        otsu_brain(visit.image, opening=300.0)


def test_the_edge_follows_the_intensities_within_reach() -> None:
    axes = np.ogrid[-40:41, -40:41, -40:41]
    distance = np.sqrt(sum(axis**2 for axis in axes))
    intensity = np.where(distance <= 28, 1.0, 0.1)
    view = np.ones(intensity.shape, dtype=bool)
    truth = distance <= 29  # with its thin rim
    for atlas in (distance <= 27.5, distance <= 30):
        refined = refine_edge(intensity, atlas, view, 1.0, EdgeSettings())
        assert dice(refined, truth) > 0.97
        assert dice(refined, truth) >= dice(atlas, truth) - 0.01
    # Bright scalp beyond the reach does not belong to it, nor does what the scan has not seen.
    scalp = np.where((distance > 36) & (distance < 39), 1.5, intensity)
    np.testing.assert_array_equal(
        refine_edge(scalp, distance <= 28, view, 1.0, EdgeSettings()),
        refine_edge(intensity, distance <= 28, view, 1.0, EdgeSettings()),
    )
    view[:, :, :30] = False
    assert not refine_edge(intensity, distance <= 28, view, 1.0, EdgeSettings())[~view].any()


@pytest.mark.parametrize(("edge", "right"), [(60, False), (90, True), (120, True), (140, False)])
def test_sizes_of_brains(edge: int, right: bool) -> None:
    mask = np.ones((edge // 10,) * 3, dtype=bool)
    grid = Grid((20, 20, 20), np.diag([10.0, 10, 10, 1]))
    if right:
        check_size(mask, grid)
    else:
        with pytest.raises(InputError, match=f"brain of {edge**3 // 1000} ml"):
            check_size(mask, grid)


@pytest.mark.parametrize("what", ["nothing", "noise", "small ball"])
def test_what_is_no_head_is_refused(what: str) -> None:
    data = np.zeros((40, 40, 40), dtype=np.float32)
    if what == "noise":
        data = np.abs(np.random.default_rng(0).normal(0, 10, data.shape)).astype(np.float32)
    if what == "small ball":
        data[sum((axis - 20) ** 2 for axis in np.ogrid[:40, :40, :40]) < 64] = 100
    with pytest.raises(InputError):
        extract_brain(Volume(data, np.diag([4.0, 4, 4, 1])))


@pytest.mark.slow
@pytest.mark.parametrize(("subject", "session"), REAL)
def test_brains_of_real_scans(shared_data: Path, subject: str, session: str) -> None:
    folder = shared_data / "open_ms"
    reference = folder / "derivatives" / "reference" / f"sub-{subject}"
    name = f"sub-{subject}_ses-{session}"
    scan = read_volume(folder / f"sub-{subject}" / f"ses-{session}" / "anat" / f"{name}_FLAIR.nii.gz")
    common = read_volume(reference / f"sub-{subject}_space-common_desc-brain_mask.nii.gz")
    session_from_common = read_itk(reference / f"sub-{subject}_from-ses{session}_to-common_mode-image_xfm.mat")
    given = resample(common, scan.grid, np.linalg.inv(session_from_common), order=1).data >= 0.5
    found = extract_brain(correct_bias(scan, PRESETS["fast"]))
    assert dice(found.mask.data, given) >= 0.955
    atlas = resample(load_template(4.0).brain, scan.grid, found.mni_from_scan, order=1).data >= 0.5
    assert dice(atlas, given) > 0.88  # the affine brings the template's brain there too
