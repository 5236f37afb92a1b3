"""What the steps share: naming the file at fault, and matrices in JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from newlesions.errors import InputError
from newlesions.images.files import read_json
from newlesions.images.volume import Affine


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Let an InputError about an array name the scan of this session's folder, ``sub-01/ses-M12``."""
    try:
        yield
    except InputError as error:
        if error.path != "image":
            raise
        raise InputError("/".join(path.parts[-3:-1]), error.found, error.expected) from error


def matrix_rows(matrix: Affine) -> list[list[float]]:
    """A matrix as JSON takes it."""
    return [[float(value) for value in row] for row in matrix]


def read_matrices(halfway: Path) -> Mapping[str, Any]:
    """The content of ``halfway.json``, its matrices as arrays."""
    content = read_json(halfway)
    return {key: np.array(value) if key.endswith("_halfway") else value for key, value in content.items()}
