"""What determines a simulated subject: its visits, its changes, and its own random numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from newlesions.simulate.acquisition import Protocol, draw_protocol
from newlesions.simulate.lesions import ChangeCounts, LesionSizes

# One stream of random numbers per purpose and visit: drawing more of one changes nothing in the others.
_PURPOSES = ("plan", "anatomy", "lesions", "brightness", "pose", "bias", "noise", "raters")
SIZES = LesionSizes()
TINY_SIZES = LesionSizes(median=500.0, spread=0.5, smallest=250.0, largest=3000.0)


@dataclass(frozen=True)
class VisitPlan:
    """One visit: session label, ISO date, scan settings, and by how many mm the ventricles have widened by then."""

    label: str
    date: str
    protocol: Protocol
    widening: float = 0.0


@dataclass(frozen=True)
class SubjectPlan:
    """All that determines one subject; equal plans give equal voxels.

    ``seed`` is the cohort's seed and the subject's own number. ``spacing`` is the fine grid's voxel in whole mm.
    ``changes`` has one entry per interval between visits. With ``no_change`` the same head, field and lesions are
    seen at every visit; only pose and noise differ. ``truncated`` names visits whose file is cut short.
    """

    label: str
    seed: tuple[int, int]
    visits: tuple[VisitPlan, ...]
    changes: tuple[ChangeCounts, ...]
    baseline_lesions: int = 15
    sizes: LesionSizes = SIZES
    spacing: int = 1
    no_change: bool = False
    truncated: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse plans that contradict themselves."""
        if len(self.changes) != len(self.visits) - 1:
            raise ValueError(f"changes has {len(self.changes)} entries; {len(self.visits)} visits need one less")
        if self.no_change and any(counts != ChangeCounts() for counts in self.changes):
            raise ValueError("no_change and changing lesions exclude each other")


def stream(seed: tuple[int, int], purpose: str, visit: int = 0) -> np.random.Generator:
    """The subject's random numbers for one purpose at one visit, whatever the cohort's size."""
    cohort, subject = seed
    key = (subject, _PURPOSES.index(purpose), visit)
    return np.random.default_rng(np.random.SeedSequence(cohort, spawn_key=key))


def plan_cohort(
    subjects: int,
    seed: int,
    *,
    visits: int = 2,
    voxel: tuple[float, float, float] | None = None,
    tiny: bool = False,
    no_change: bool = False,
) -> list[SubjectPlan]:
    """Plan ``subjects`` subjects; number n is the same in a cohort of any size.

    Parameters
    ----------
    voxel
        Voxel size in mm (in plane, in plane, slice) of every scan instead of random ones.
    tiny
        Scans of 4 mm and few, large lesions: for tests.
    no_change
        The null: the same head at every visit under another pose and other noise.
    """
    return [
        plan_subject(f"{n + 1:03d}", (seed, n), visits=visits, voxel=voxel, tiny=tiny, no_change=no_change)
        for n in range(subjects)
    ]


def plan_subject(
    label: str,
    seed: tuple[int, int],
    *,
    visits: int = 2,
    changes: tuple[ChangeCounts, ...] | None = None,
    protocols: tuple[Protocol, ...] | None = None,
    months: tuple[int, ...] | None = None,
    voxel: tuple[float, float, float] | None = None,
    tiny: bool = False,
    no_change: bool = False,
) -> SubjectPlan:
    """Draw a subject's dates, scan settings and numbers of lesions; what is given is taken as given.

    One subject in four has no change at all; half of the others are scanned with the same settings at every visit.
    ``protocols`` and ``months`` (since the first visit) have one entry per visit, ``changes`` one per interval.
    """
    rng = stream(seed, "plan")
    stable = rng.uniform() < 0.25 or no_change
    if changes is None:
        changes = tuple(ChangeCounts() if stable else _draw_changes(rng) for _ in range(visits - 1))
    if protocols is None:
        protocols = _draw_protocols(rng, visits, (4.0, 4.0, 4.0) if tiny and voxel is None else voxel, no_change)
    if months is None:
        months = (0, *(int(m) for m in np.cumsum(rng.choice([6, 12, 12, 18, 24], visits - 1))))
    first = date(2020, 1, 1) + timedelta(days=int(rng.integers(700)))
    # The ventricles widen by up to 0.4 mm a year.
    pace = 0.0 if no_change else float(rng.uniform(0.0, 0.4))
    plans = [
        VisitPlan(f"M{month:02d}", _after(rng, first, month), protocol, round(pace * month / 12, 3))
        for month, protocol in zip(months, protocols, strict=True)
    ]
    return SubjectPlan(
        label,
        seed,
        tuple(plans),
        changes,
        baseline_lesions=int(rng.integers(4, 8) if tiny else rng.integers(6, 30)),
        sizes=TINY_SIZES if tiny else SIZES,
        spacing=3 if tiny else 1,
        no_change=no_change,
    )


def _draw_protocols(
    rng: np.random.Generator, visits: int, voxel: tuple[float, float, float] | None, same: bool
) -> tuple[Protocol, ...]:
    first, same = draw_protocol(rng, voxel), bool(rng.uniform() < 0.5) or same
    return (first, *(first if same else draw_protocol(rng, voxel) for _ in range(visits - 1)))


def _after(rng: np.random.Generator, first: date, months: int) -> str:
    late = int(rng.integers(-20, 21)) if months else 0
    return (first + timedelta(days=round(months * 30.44) + late)).isoformat()


def _draw_changes(rng: np.random.Generator) -> ChangeCounts:
    return ChangeCounts(*(int(n) for n in (1 + rng.poisson(3), rng.poisson(1.5), rng.poisson(0.7), rng.poisson(1))))
