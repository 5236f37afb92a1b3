"""The written cohort is what the index of the workflow reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from newlesions.cohort.derivatives import Derivatives
from newlesions.images.files import read_json
from newlesions.images.io import read_volume
from newlesions.learn.synthesis.host import Host
from newlesions.learn.synthesis.layout import write_descriptions, write_pair, write_participants
from newlesions.learn.synthesis.library import Library
from newlesions.learn.synthesis.pair import PairPlan, SyntheticPair, make_pair
from newlesions.simulate.lesions import Change, ChangeCounts


@pytest.fixture
def cohort(tmp_path: Path, pair: SyntheticPair) -> Path:
    write_descriptions(tmp_path)
    write_participants(tmp_path, [write_pair(tmp_path, "01s1x1", "sub-01", "sub-01_ses-1", pair)])
    return tmp_path


def test_references_and_brains_are_found(cohort: Path, pair: SyntheticPair) -> None:
    given = Derivatives(cohort / "derivatives" / "reference")
    for kind, value in (("new", 1), ("gone", 3)):
        mask = read_volume(given.reference("01s1x1", "M00", "M12", consecutive=True, kind=kind))
        np.testing.assert_array_equal(mask.data > 0, pair.labels == value)
        assert mask.grid.matches(pair.followup.grid)
    for session, brain in (("M00", pair.baseline_brain), ("M12", pair.followup_brain)):
        np.testing.assert_array_equal(read_volume(given.brain("01s1x1", session)).data > 0, brain.data)
    assert not given.notes


def test_masks_of_all_lesions_are_written_where_the_scans_own_are_known(
    tmp_path: Path, pair: SyntheticPair, marked_head: Host, library: Library
) -> None:
    write_pair(tmp_path / "a", "a", "sub-a", "a", pair)
    assert pair.masks is None and not list((tmp_path / "a").rglob("*desc-all*"))
    plan = PairPlan(ChangeCounts(new=1), known_new=1)
    known = make_pair(marked_head, plan, library, np.random.default_rng(1))
    assert known.masks is not None and known.count(Change.NEW) >= 1
    new = known.labels == Change.NEW
    assert known.masks[1][new].all() and known.masks[0].sum() < known.masks[1].sum()
    write_pair(tmp_path / "b", "b", "sub-b", "b", known)
    given = Derivatives(tmp_path / "b" / "derivatives" / "reference")
    for number, (session, image) in enumerate((("M00", known.baseline), ("M12", known.followup))):
        mask = read_volume(given.lesions("b", session))
        np.testing.assert_array_equal(mask.data > 0, known.masks[number])
        assert mask.grid.matches(image.grid)


def test_scans_keep_their_values_up_to_a_factor(cohort: Path, pair: SyntheticPair) -> None:
    for session, image in (("M00", pair.baseline), ("M12", pair.followup)):
        stem = cohort / "sub-01s1x1" / f"ses-{session}" / "anat" / f"sub-01s1x1_ses-{session}_FLAIR"
        written = read_volume(f"{stem}.nii.gz", dtype=np.int16)
        assert np.corrcoef(written.data.ravel(), image.data.ravel())[0, 1] > 0.9999
        assert 500 < np.percentile(written.data, 99.9) < 15000
        assert read_json(f"{stem}.json")["MRAcquisitionType"] in ("2D", "3D")


def test_scans_in_a_usual_range_are_not_rescaled(tmp_path: Path, pair: SyntheticPair) -> None:
    tenfold = replace(pair, baseline=pair.baseline.with_data(pair.baseline.data * 10))
    write_pair(tmp_path, "a", "sub-a", "a", tenfold)
    written = read_volume(tmp_path / "sub-a" / "ses-M00" / "anat" / "sub-a_ses-M00_FLAIR.nii.gz")
    np.testing.assert_allclose(written.data, tenfold.baseline.data, atol=0.51)


def test_participants_name_the_real_subject(cohort: Path) -> None:
    header, row = (line.split("\t") for line in (cohort / "participants.tsv").read_text().splitlines())
    assert dict(zip(header, row, strict=True)) == {
        "participant_id": "sub-01s1x1", "source": "sub-01", "scan": "sub-01_ses-1",
        "new": "2", "enlarging": "1", "gone": "1", "shrinking": "1", "stable": "1",
    }  # fmt: skip
