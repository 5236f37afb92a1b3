"""The versions of this package and of the libraries that may change a result."""

from __future__ import annotations

from functools import lru_cache
from importlib import metadata
from typing import Any

from newlesions import __version__

LIBRARIES = (
    "antspyx", "connected-components-3d", "lightgbm", "monai", "nibabel", "nilearn", "numpy", "scikit-image", "scipy",
    "snakemake", "torch",
)  # fmt: skip
"""The libraries whose versions may change a result."""


@lru_cache(maxsize=1)
def versions() -> dict[str, Any]:
    """``{"newlesions": version, "libraries": {name: version}}``, without those that are not installed."""
    found = {name: version for name in LIBRARIES if (version := _version(name))}
    return {"newlesions": __version__, "libraries": found}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
