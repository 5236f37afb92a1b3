from __future__ import annotations

from pathlib import Path

import pytest

from steps.small import Work


@pytest.fixture
def work(tmp_path: Path) -> Work:
    """The work folder of a pair."""
    return Work(tmp_path / "work")
