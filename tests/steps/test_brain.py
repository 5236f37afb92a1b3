from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from newlesions.errors import ConfigError, InputError
from newlesions.images.files import read_json
from newlesions.images.io import read_volume, write_volume
from newlesions.images.volume import Volume
from newlesions.preprocess import brain as extraction
from newlesions.preprocess import brain_backends
from newlesions.preprocess import cord as cords
from newlesions.preprocess.brain import Brain
from newlesions.steps.brain import brain as step
from newlesions.steps.brain import read_given
from steps.small import AFFINE, SHAPE, Work, scan, settings
from steps.small import brain as ball

MNI = np.diag([1.1, 1.1, 1.1, 1.0])


@pytest.fixture(autouse=True)
def no_registration(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way to MNI is not what is tested here."""
    monkeypatch.setattr(extraction, "locate_brain", lambda scan, mask: Brain(mask, MNI))
    monkeypatch.setattr(extraction, "extract_brain", lambda scan: Brain(scan.with_data(ball()), MNI))


def run(work: Work, given: str = "", **more: object) -> tuple[Volume, dict[str, object]]:
    mask, facts = work.folder / "mask.nii.gz", work.folder / "facts.json"
    step(
        work.sessions[0] / "bias.nii.gz",
        work.sessions[0] / "field.nii.gz",
        mask,
        facts,
        settings("brain", **more),
        given,
    )
    return read_volume(mask, np.uint8), read_json(facts)


def save(folder: Path, data: np.ndarray, affine: np.ndarray = AFFINE) -> str:
    write_volume(folder / "given.nii.gz", Volume(data.astype(np.uint8), affine))
    return str(folder / "given.nii.gz")


def test_the_mask_its_volume_and_the_way_to_mni_are_written(work: Work) -> None:
    mask, facts = run(work)
    np.testing.assert_array_equal(mask.data, ball())
    assert mask.grid.matches(scan().grid)
    assert facts == {
        "backend": "atlas",
        "volume_ml": pytest.approx(ball().sum() * 0.064),
        "mni_from_scan": MNI.tolist(),
        "snr": pytest.approx(50, rel=0.4),
        "inu_range": 0,
        "cut_cm2": 0,
    }


def test_a_given_mask_goes_before_any_backend(work: Work, tmp_path: Path) -> None:
    smaller = ball() & (np.indices(SHAPE)[0] < 22)
    mask, facts = run(work, save(tmp_path, smaller), backend="hd-bet")
    np.testing.assert_array_equal(mask.data, smaller)
    assert facts["backend"] == "given"


def test_the_cord_joins_the_mask_and_not_the_brain_s_numbers(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, facts = run(work)
    seen = []

    def joined(scan: Volume, brain: Volume, way: str) -> Volume:
        seen.append(way)
        return brain.with_data(np.ones_like(brain.data))

    monkeypatch.setattr(cords, "with_cord", joined)
    mask, again = run(work, cord="connected")
    assert seen == ["connected"] and mask.data.all() and not plain.data.all() and again == facts
    run(work, save(work.folder, ball()), cord="connected")
    assert seen == ["connected"], "a given mask is taken as it is"


def test_a_backend_that_is_missing_is_named(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brain_backends, "missing_for", lambda _: "a program")
    with pytest.raises(ConfigError, match=r"brain\.backend is hd-bet, which needs a program"):
        run(work, backend="hd-bet")


def test_a_mask_on_another_grid_is_refused_in_one_line(work: Work, tmp_path: Path) -> None:
    moved = AFFINE.copy()
    moved[0, 3] += 1
    for data, affine in ((ball(), moved), (ball()[1:], AFFINE)):
        path = save(tmp_path, data, affine)
        with pytest.raises(InputError, match="expected the scan's own grid") as caught:
            run(work, path)
        assert str(caught.value).startswith(path)
        assert "\n" not in str(caught.value)


def test_a_mask_that_is_no_mask_is_refused(work: Work, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found an empty brain mask"):
        run(work, save(tmp_path, np.zeros(SHAPE)))
    (tmp_path / "broken.nii.gz").write_bytes(b"no image")
    with pytest.raises(InputError, match="found no gzip data"):
        run(work, str(tmp_path / "broken.nii.gz"))
    with pytest.raises(InputError, match="found no such file"):
        run(work, str(tmp_path / "absent.nii.gz"))
    with pytest.raises(InputError, match=r"a brain mask of shape \(46, 54, 46, 2\)"):
        run(work, save(tmp_path, np.stack([ball(), ball()], axis=-1)))


def test_a_header_that_rounds_is_no_other_grid(tmp_path: Path) -> None:
    rounded = AFFINE + np.pad([[0.02], [0], [0]], ((0, 1), (3, 0)))
    found = read_given(Path(save(tmp_path, ball(), rounded)), scan())
    assert found.grid.matches(scan().grid) and found.data.dtype == bool


def test_a_scan_without_a_brain_is_named_by_its_session(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Volume) -> Brain:
        raise InputError("image", "nothing bright inside the head", "a FLAIR of a head")

    monkeypatch.setattr(extraction, "extract_brain", fail)
    with pytest.raises(InputError, match=r"^sub-01/ses-M00: found nothing bright"):
        run(work)
