from __future__ import annotations

from pathlib import Path

import pytest

from workflow.quick import Quick


@pytest.fixture
def quick(tmp_path: Path) -> Quick:
    """Two sessions of one subject."""
    cohort = Quick(tmp_path)
    for session in ("M00", "M12"):
        cohort.scan("01", session)
    return cohort
