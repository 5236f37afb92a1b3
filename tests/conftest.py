"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

# Before any library with threads is imported: results do not depend on the number of cores.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"):
    os.environ[name] = "1"
os.environ["MPLBACKEND"] = "Agg"

import pytest
from hypothesis import settings

# Equal runs test equal cases; time limits would fail on a busy machine.
settings.register_profile("newlesions", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("newlesions")

ROOT = Path(__file__).parents[1]


_FIRST = ("test_end_to_end.py", "workflow/test_networks.py", "workflow/")
"""Where the longest tests are."""


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real scans in `../shared/data`, beside the checkout; tests that need them are skipped where there are none."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no real scans: there is no folder ../shared/data beside the checkout")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files go first, so that no process is left alone with one at the end: a file stays in one process."""

    def rank(item: pytest.Item) -> int:
        return next((at for at, part in enumerate(_FIRST) if part in item.path.as_posix()), len(_FIRST))

    items.sort(key=rank)
