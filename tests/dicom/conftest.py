"""Skips, with the reason, where the extra `dicom` or dcm2niix is not installed."""

from __future__ import annotations

import shutil

import pytest


@pytest.fixture
def converter() -> None:
    """The test converts: it needs nipype and dcm2niix."""
    pytest.importorskip("nipype", reason="the extra `dicom` is not installed: no nipype")
    if shutil.which("dcm2niix") is None:
        pytest.skip("no dcm2niix on this machine")
