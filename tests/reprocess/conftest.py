from __future__ import annotations

from pathlib import Path

import pytest

from reprocess.results import Results, cube


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Two finished pairs, of which one has a new and a gone lesion."""
    made = Results(tmp_path)
    made.pair("01", [(cube(1, 1, 1), 1), (cube(6, 6, 3), 3)])
    made.pair("02")
    return made


@pytest.fixture
def out(results: Results) -> Path:
    return results.finish()
