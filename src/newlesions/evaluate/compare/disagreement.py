"""Which reference lesions which systems find: a matrix of lesions by systems, hardest lesions first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from newlesions.evaluate.additions import REFERENCE


@dataclass(frozen=True)
class ReferenceLesion:
    """One lesion of the reference, and who finds it.

    Attributes
    ----------
    pair, number
        The pair, and the lesion's number in it: 1 is its largest.
    volume_mm3, size_class
        How large it is.
    centre_mm
        Its centroid in RAS mm of the reference's own grid.
    found
        Whether each system finds it, by the rule of `evaluate.lesions.detected`, in the systems' order.
    """

    pair: str
    number: int
    volume_mm3: float
    size_class: str
    centre_mm: tuple[float, float, float]
    found: tuple[bool, ...]

    @property
    def finders(self) -> int:
        """How many systems find it."""
        return sum(self.found)


def lesion_matrix(systems: Sequence[Mapping[str, Sequence[Mapping[str, Any]]]]) -> list[ReferenceLesion]:
    """The reference lesions of the pairs that all systems have, hardest first: by finders, then the largest first.

    Parameters
    ----------
    systems
        Of each system, by pair the rows of lesions that `evaluate_pair` gives.

    Raises
    ------
    ValueError
        If two systems were scored against different references of a pair.
    """
    shared = sorted(set.intersection(*(set(system) for system in systems))) if systems else []
    found = []
    for pair in shared:
        tables = [[row for row in system[pair] if row["side"] == REFERENCE] for system in systems]
        if len({tuple(int(row["id"]) for row in table) for table in tables}) > 1:
            raise ValueError(f"{pair}: systems were scored against references with other lesions")
        for rows in zip(*tables, strict=True):
            first = rows[0]
            centre = (float(first["x_mm"]), float(first["y_mm"]), float(first["z_mm"]))
            hits = tuple(bool(row["hit"]) for row in rows)
            found.append(
                ReferenceLesion(
                    pair, int(first["id"]), float(first["volume_mm3"]), str(first["size_class"]), centre, hits
                )
            )
    return sorted(found, key=lambda one: (one.finders, -one.volume_mm3, one.pair, one.number))
