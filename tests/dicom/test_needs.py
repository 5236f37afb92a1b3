from __future__ import annotations

from pathlib import Path

import pytest

from newlesions.cli import main
from newlesions.dicom import needs


@pytest.mark.parametrize("words", [["dicom", "{0}", "-o", "{0}/bids"], ["dicom-seg", "{0}", "--dicom", "{0}"]])
def test_missing_packages_are_one_line(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(needs.importlib.util, "find_spec", lambda name: None)
    assert main([word.format(tmp_path) for word in words]) == 2
    told = capsys.readouterr().err
    assert f"newlesions {words[0]} needs pydicom" in told and "pip install 'newlesions[dicom]'" in told
    assert told.count("\n") == 1


def test_a_missing_dcm2niix_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert needs.missing_for("dcm2niix") == (
        "dcm2niix on the PATH (Debian: apt-get install dcm2niix; or `pip install dcm2niix`)"
    )
    assert needs.missing_for("numpy") == ""
