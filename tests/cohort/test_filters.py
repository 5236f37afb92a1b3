from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohort.heads import flair
from newlesions.cohort.bids import Scan, find_scans
from newlesions.cohort.entities import BidsName
from newlesions.cohort.filters import by_filter_file, by_participant, by_session, describe_filter
from newlesions.errors import ConfigError


def scan(subject: str, session: str) -> Scan:
    return Scan(subject, session, Path(f"sub-{subject}_ses-{session}_FLAIR.nii"), BidsName({}, "FLAIR", ".nii"))


COHORT = [scan("01", "1"), scan("01", "2"), scan("02", "1"), scan("10", "2")]


def sessions(item: Scan) -> tuple[str]:
    return (item.session,)


@given(st.sets(st.sampled_from(["01", "02", "10"]), min_size=1), st.booleans())
def test_participants_are_kept_or_named(labels: set[str], prefixed: bool) -> None:
    kept, echo = by_participant(COHORT, [f"sub-{label}" if prefixed else label for label in labels])
    assert kept == [item for item in COHORT if item.subject in labels]
    assert echo.kept == len(labels)
    assert {f"sub-{label}" for label in labels} | set(echo.dropped) == {"sub-01", "sub-02", "sub-10"}


def test_sessions_are_kept_or_named() -> None:
    kept, echo = by_session(COHORT, ["ses-1"], sessions, "scans")
    assert kept == [COHORT[0], COHORT[2]]
    assert describe_filter(echo) == "--session-label ses-1: kept 2 scans, dropped 2: sub-01_ses-2, sub-10_ses-2"


def test_labels_that_match_nothing_are_refused_with_those_that_exist() -> None:
    with pytest.raises(
        ConfigError, match=r"--participant-label: found 1, sub-3, which .*; expected some of 01, 02, 10"
    ):
        by_participant(COHORT, ["1", "01", "sub-3"])
    with pytest.raises(ConfigError, match=r"--session-label: found M1, .*; expected some of 1, 2"):
        by_session(COHORT, ["M1"], sessions, "scans")


@pytest.fixture
def scans(tmp_path: Path) -> list[Scan]:
    for extra in ("", "_acq-3D", "_acq-3D_run-01", "_acq-2D_run-2", "_rec-norm"):
        flair(tmp_path, "01", "1", extra)
    flair(tmp_path, "01", "2", "_acq-3D")
    return find_scans(tmp_path).scans


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {"", "acq-3D", "acq-3D_run-01", "acq-2D_run-2", "rec-norm", "2"}),
        ({"acquisition": "3D"}, {"acq-3D", "acq-3D_run-01", "2"}),
        ({"acq": ["2D", None]}, {"", "acq-2D_run-2", "rec-norm"}),
        ({"run": 1}, {"acq-3D_run-01"}),
        ({"run": ["1", "02"]}, {"acq-3D_run-01", "acq-2D_run-2"}),
        ({"run": None, "acquisition": "*"}, {"acq-3D", "2"}),
        ({"session": ["ses-2"]}, {"2"}),
        ({"reconstruction": "*", "suffix": "FLAIR", "datatype": "anat", "extension": "nii.gz"}, {"rec-norm"}),
    ],
)
def test_filter_file(scans: list[Scan], tmp_path: Path, query: dict[str, object], expected: set[str]) -> None:
    path = tmp_path / "filter.json"
    path.write_text(json.dumps({"flair": query}))
    kept, echo, notes = by_filter_file(scans, path)
    stems = {item.path.name.removesuffix("_FLAIR.nii.gz").removeprefix("sub-01_ses-") for item in kept}
    assert stems == {"2_acq-3D" if name == "2" else "_".join(filter(None, ["1", name])) for name in expected}
    assert echo.kept + len(echo.dropped) == len(scans)
    assert not notes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "no valid JSON"),
        ("[]", "found list"),
        ('{"t1w": {}}', "found t1w; expected an entry like"),
        ('{"flair": {"colour": "red"}}', "found the entity 'colour'; expected one of acq, acquisition"),
        ('{"flair": {"run": 1.5}}', "found 1.5 for 'run'"),
        ('{"flair": {"run": true}}', "found true for 'run'"),
        ('{"flair": {"acquisition": "4D"}}', "fits no FLAIR scan; expected one of 2D, 3D, (absent)"),
    ],
)
def test_wrong_filter_files_are_refused(scans: list[Scan], tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "filter.json"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        by_filter_file(scans, path)
    assert expected in str(caught.value)


def test_other_entries_and_a_missing_file_are_named(scans: list[Scan], tmp_path: Path) -> None:
    path = tmp_path / "filter.json"
    with pytest.raises(ConfigError, match="no readable file"):
        by_filter_file(scans, path)
    path.write_text('{"flair": {}, "t1w": {}, "bold": {}}')
    assert by_filter_file(scans, path)[2] == ["filter.json: only the entry 'flair' is used, not bold, t1w"]
