"""Files of small pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from learn.networks.small import make_case
from newlesions.networks.case import write_case


@pytest.fixture
def case_files(tmp_path: Path) -> Callable[..., list[Path]]:
    """Writes pairs with these numbers of new lesions."""

    def write(*lesions: int, first: int = 0, gone: bool = False) -> list[Path]:
        paths = []
        for number, count in enumerate(lesions, start=first):
            path = tmp_path / f"case_{number}.npz"
            write_case(path, make_case(number, count, gone))
            paths.append(path)
        return paths

    return write
