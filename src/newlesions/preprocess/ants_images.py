"""Between this package's volumes (RAS) and ANTs's images and transforms (LPS)."""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from newlesions.images.transforms import write_itk
from newlesions.images.volume import Affine, Volume

if TYPE_CHECKING:
    import ants

# One seed everywhere: ANTs samples voxels at random inside its metrics.
SEED = 20211
_LPS = np.diag([-1.0, -1.0, 1.0])
# Rooms of ANTs that have no use here and import matplotlib and scikit-learn; what its regressions and downloads need.
_UNUSED = (
    "ants.plotting", "ants.learn", "ants.deeplearn",
    "statsmodels", "statsmodels.api", "statsmodels.formula", "statsmodels.formula.api", "requests",
)  # fmt: skip


def load_ants() -> ModuleType:
    """ANTs without its plots, its statistics and its networks, which take most of the time of its import.

    Every job that registers or corrects imports it. Empty modules stand for the others meanwhile: none of the functions
    that this package calls needs them, and who imports one by its name later gets the real one.
    """
    if "ants" not in sys.modules:
        standing_in = [name for name in _UNUSED if name not in sys.modules]
        sys.modules.update({name: ModuleType(name) for name in standing_in})
        try:
            importlib.import_module("ants")
        finally:
            for name in standing_in:
                del sys.modules[name]
    return sys.modules["ants"]


def to_ants(volume: Volume) -> ants.ANTsImage:
    """An ANTs image, float32, with the same voxels at the same place."""
    ants = load_ants()
    spacing = volume.spacing
    return ants.from_numpy(
        np.ascontiguousarray(volume.data, dtype=np.float32),
        origin=tuple(_LPS @ volume.affine[:3, 3]),
        spacing=tuple(spacing),
        direction=_orthonormal(_LPS @ (volume.affine[:3, :3] / spacing)),
    )


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for the files that ANTs insists on writing, removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="newlesions-") as folder:
        yield Path(folder)


def write_start(folder: Path, moving_from_fixed: Affine, name: str = "start") -> str:
    """Write a starting transform for `ants.registration` and return its path."""
    path = folder / f"{name}.mat"
    write_itk(path, moving_from_fixed)
    return str(path)


def _orthonormal(matrix: Affine) -> Affine:
    """The nearest rotation or reflection: headers round, ITK refuses what is not orthonormal."""
    u, _, v = np.linalg.svd(matrix)
    return np.asarray(u @ v)
