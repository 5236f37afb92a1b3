"""BIDS file names: their entities, suffix and extension."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class BidsName:
    """The parts of a file name: ``entities`` in their order, ``suffix`` (``FLAIR``), ``extension`` (``.nii.gz``)."""

    entities: Mapping[str, str]
    suffix: str
    extension: str


def parse_name(name: str) -> BidsName | None:
    """Split ``name``; None if it is no BIDS name (a part without ``-``, an entity twice, no suffix).

    Examples
    --------
    >>> parse_name("sub-01_ses-M12_acq-3D_FLAIR.nii.gz").entities
    {'sub': '01', 'ses': 'M12', 'acq': '3D'}
    """
    stem, dot, extension = name.partition(".")
    *parts, suffix = stem.split("_")
    entities: dict[str, str] = {}
    for part in parts:
        key, dash, value = part.partition("-")
        if not (key and dash and value) or key in entities:
            return None
        entities[key] = value
    if not suffix or "-" in suffix:
        return None
    return BidsName(entities, suffix, dot + extension)


def format_name(name: BidsName) -> str:
    """The file name with these parts; ``parse_name`` undoes it."""
    return "_".join([*(f"{key}-{value}" for key, value in name.entities.items()), name.suffix]) + name.extension
