"""Digests that are kept between runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from newlesions.cohort import digests
from newlesions.cohort.digests import NOT_READ, Digests
from newlesions.images.files import sha256

OLD = 1_600_000_000


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A file that has not changed for long."""
    path = tmp_path / "scan.nii"
    path.write_text("some scan")
    os.utime(path, (OLD, OLD))
    return path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that are read."""
    paths: list[Path] = []

    def spy(path: Path) -> str:
        paths.append(path)
        return sha256(path)

    monkeypatch.setattr(digests, "sha256", spy)
    return paths


def kept(folder: Path, *scans: Path) -> Path:
    path = folder / "scans.json"
    of = Digests(path)
    for scan in scans:
        assert of.digest(str(scan)) == sha256(scan)
    of.keep()
    return path


def test_a_scan_that_is_the_same_is_not_read_again(tmp_path: Path, scan: Path, read: list[Path]) -> None:
    path = kept(tmp_path, scan)
    assert read == [scan]
    assert Digests(path).digest(str(scan)) == sha256(scan)
    assert read == [scan]


@pytest.mark.parametrize(("content", "when"), [("other bit", OLD + 1), ("other bits", OLD)])
def test_another_time_or_size_is_another_scan(
    tmp_path: Path, scan: Path, read: list[Path], content: str, when: int
) -> None:
    path = kept(tmp_path, scan)
    scan.write_text(content)
    os.utime(scan, (when, when))
    assert Digests(path).digest(str(scan)) == sha256(scan)
    assert read == [scan, scan]


def test_a_scan_that_has_just_changed_is_not_relied_on(tmp_path: Path, scan: Path, read: list[Path]) -> None:
    os.utime(scan)
    path = kept(tmp_path, scan)
    Digests(path).digest(str(scan))
    assert read == [scan, scan]


def test_a_plan_reads_only_what_it_must(tmp_path: Path, scan: Path, read: list[Path]) -> None:
    path = tmp_path / "none.json"
    assert Digests(path, reads=False).digest(str(scan)) == NOT_READ
    assert read == []
    assert Digests(path, reads=False, needed=frozenset([str(scan)])).digest(str(scan)) == sha256(scan)


def test_what_is_gone_has_no_digest_and_is_forgotten(tmp_path: Path, scan: Path) -> None:
    path = kept(tmp_path, scan)
    scan.unlink()
    again = Digests(path)
    assert again.digest(str(scan)) == ""
    again.keep()
    assert path.read_text().strip() == "{}"
