"""The pairs that all systems have, and their values as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from newlesions.errors import ConfigError
from newlesions.evaluate.compare.catalogue import MEASURES, Measure, Population
from newlesions.evaluate.compare.read import System

_FEW = 3


@dataclass(frozen=True)
class Cohort:
    """Systems over the same pairs.

    Parameters
    ----------
    systems
        Each restricted to the common pairs, in the user's order.
    left_out
        Per system: its pairs that some other system lacks. They enter nothing.
    notes
        What the reader has to know about the input, one sentence each.
    """

    systems: tuple[System, ...]
    left_out: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The systems' names."""
        return tuple(system.name for system in self.systems)

    @property
    def pairs(self) -> tuple[str, ...]:
        """The common pairs, sorted."""
        return tuple(self.systems[0].scores.index)

    @cached_property
    def measures(self) -> tuple[Measure, ...]:
        """The measures that every system has, in the order of the catalogue, where some pair may have them."""
        return tuple(
            measure
            for measure in MEASURES.values()
            if all(measure.name in system.scores for system in self.systems) and self.size(measure.population)
        )

    def size(self, population: Population) -> int:
        """How many of the common pairs belong to ``population``."""
        return int(self.within(population).sum())

    def within(self, population: Population) -> NDArray[np.bool_]:
        """Which of the common pairs belong to ``population``, shape (pairs,)."""
        empty = self.systems[0].empty.to_numpy(bool)
        return {"lesion": ~empty, "empty": empty, "all": np.ones_like(empty)}[population]

    def subjects(self, population: Population) -> NDArray[np.int64]:
        """The number of the subject of each pair of ``population``, from 0; pairs that name none are of their own."""
        within = self.within(population)
        pairs = [pair for pair, inside in zip(self.pairs, within, strict=True) if inside]
        names = [pair.split("_")[0] if pair.startswith("sub-") else pair for pair in pairs]
        return np.unique(names, return_inverse=True)[1].astype(np.int64)

    def values(self, measure: Measure) -> NDArray[np.float64]:
        """The values of ``measure`` over the pairs of its population, shape (systems, pairs), NaN where undefined."""
        within = self.within(measure.population)
        return np.array([system.scores[measure.name].to_numpy(float)[within] for system in self.systems])


def common_cohort(systems: Sequence[System]) -> Cohort:
    """The systems over the pairs that all of them have.

    Raises
    ------
    ConfigError
        If no pair is common, or a pair's reference is empty for one system and not for another.
    """
    shared = set.intersection(*(set(system.scores.index) for system in systems))
    if not shared:
        raise ConfigError(f"{', '.join(s.name for s in systems)}: found no common pair; expected scores of equal pairs")
    pairs = sorted(shared)
    restricted = tuple(system.only(pairs) for system in systems)
    left_out = {
        system.name: others
        for system in systems
        if (others := tuple(p for p in system.scores.index if p not in shared))
    }
    _require_equal_references(restricted)
    notes = [*_left_out_notes(left_out), *_detail_notes(restricted), *_reference_notes(restricted), *_subjects(pairs)]
    return Cohort(restricted, left_out, tuple(notes))


def _require_equal_references(systems: Sequence[System]) -> None:
    first = systems[0]
    for system in systems[1:]:
        differs = system.empty.index[(system.empty != first.empty).to_numpy()]
        if len(differs):
            state = "an empty reference" if system.empty[differs[0]] else "lesions in the reference"
            raise ConfigError(
                f"{system.name}: found {state} for pair {differs[0]}, unlike {first.name}; expected equal references"
            )


def _left_out_notes(left_out: dict[str, tuple[str, ...]]) -> list[str]:
    return [
        f"{len(pairs)} {_plural('pair', len(pairs))} of {name} left out, since another system lacks "
        f"{'it' if len(pairs) == 1 else 'them'}: {_some(pairs)}."
        for name, pairs in left_out.items()
    ]


def _detail_notes(systems: Sequence[System]) -> list[str]:
    """Which details are missing, and what cannot be made without them."""
    needs = {
        "additions.tsv": ("assd_mm", "surface distances, 26-connectivity, agreement of volumes and counts"),
        "lesions.tsv": ("lesions", "the curve of recall by size"),
        "curves.tsv": ("curves", "FROC and precision-recall curves"),
    }
    notes = []
    for file, (held_as, what) in needs.items():
        without = [s.name for s in systems if held_as not in s.scores and getattr(s, held_as, None) is None]
        if without:
            notes.append(f"No {file} in the details of {', '.join(without)}: {what} are left out for want of it.")
    return notes


def _reference_notes(systems: Sequence[System]) -> list[str]:
    """Pairs whose reference has another volume or count in another system: they were scored against other masks."""
    columns = ["reference_count", "reference_volume_mm3"]
    if not all(set(columns) <= set(system.scores) for system in systems):
        return []
    tables = np.array([system.scores[columns].to_numpy(float) for system in systems])
    differs = ~np.isclose(tables, tables[0], rtol=0.01, atol=0, equal_nan=True).all(axis=(0, 2))
    pairs = [str(pair) for pair, other in zip(systems[0].scores.index, differs, strict=True) if other]
    if not pairs:
        return []
    return [f"The references of {len(pairs)} {_plural('pair', len(pairs))} differ between systems: {_some(pairs)}."]


def _subjects(pairs: Sequence[str]) -> list[str]:
    """A warning where one subject gives several pairs: all statistics here take pairs as independent."""
    if not all(pair.startswith("sub-") for pair in pairs):
        return []
    subjects = {pair.split("_")[0] for pair in pairs}
    if len(subjects) == len(pairs):
        return []
    return [
        f"{len(pairs)} pairs come from {len(subjects)} subjects; pairs of one subject are not independent, so "
        "intervals are too narrow and p-values too small."
    ]


def _some(pairs: Sequence[str]) -> str:
    return ", ".join(pairs[:_FEW]) + (", ..." if len(pairs) > _FEW else "")


def _plural(word: str, count: int) -> str:
    return word if count == 1 else word + "s"
