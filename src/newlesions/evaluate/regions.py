"""The region of each lesion from an atlas on the same grid."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.errors import ConfigError
from newlesions.evaluate.additions import NameRegions
from newlesions.evaluate.masks import check_same_grid, read_map
from newlesions.images.volume import Grid


def read_atlas(path: Path, grid: Grid, names: Mapping[int, str] | None = None) -> NameRegions:
    """A function that names lesions on ``grid`` by the region that holds most of their voxels.

    Parameters
    ----------
    path
        A label image on ``grid``; 0 is no region and gives "".
    names
        Names by label; a label without one is named by its number.

    Raises
    ------
    InputError
        If the file cannot be read or lies on another grid.
    """
    values, found = read_map(path)
    check_same_grid(path, found, grid)
    atlas = np.rint(values).astype(np.int64)
    known = {0: "", **(names or {})}

    def name_regions(labels: NDArray[Any]) -> list[str]:
        within = labels > 0
        lesion, region = labels[within].astype(np.int64), atlas[within]
        found = []
        for number in range(1, int(lesion.max(initial=0)) + 1):
            labels_here, voxels = np.unique(region[lesion == number], return_counts=True)
            most = int(labels_here[np.argmax(voxels)])
            found.append(known.get(most, str(most)))
        return found

    return name_regions


def read_names(path: Path) -> dict[int, str]:
    """Region names by label from a BIDS label table (columns ``index`` and ``name``).

    Raises
    ------
    ConfigError
        If there is no such file or a column is missing.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: found no such file; expected a table with the columns index and name")
    with open(path, encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    try:
        return {int(row["index"]): row["name"] for row in rows}
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{path}: found {error}; expected whole numbers in index, and a column name") from None
