"""The cohort of the demonstration: new lesions, none, three visits, and a broken scan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from newlesions.simulate.acquisition import Protocol
from newlesions.simulate.layouts import write_bids
from newlesions.simulate.lesions import ChangeCounts, LesionSizes
from newlesions.simulate.plan import SubjectPlan, plan_subject

_AXIAL = Protocol("LPS", (1.1, 1.1, 3.0), tilt=(8.0, 0.0, 2.0), noise=0.025, gain=220.0)
_SAGITTAL = Protocol("PSR", (1.2, 1.2, 1.5), noise=0.03, gain=480.0, gamma=1.05, bias=0.35)
_CORONAL = Protocol("LSP", (1.2, 1.2, 3.0), tilt=(0.0, 3.0, 0.0), noise=0.03, gain=150.0)
_VOLUME = Protocol("RAS", (1.2, 1.2, 1.2), margins=(22.0, 24.0, 2.0, 18.0), noise=0.03, gain=640.0, gamma=0.95)

# Lesions that a person sees at a glance; the cohort's own sizes reach down to 10 mm3.
_SIZES = LesionSizes(median=150.0, spread=0.5, smallest=60.0, largest=600.0)
_ACTIVE = ChangeCounts(new=4, enlarging=2, gone=1, shrinking=1)
_STABLE = ChangeCounts()
_SUBJECTS: dict[str, tuple[tuple[ChangeCounts, ...], tuple[Protocol, ...]]] = {
    "active": ((_ACTIVE,), (_AXIAL, replace(_AXIAL, spacing=(1.0, 1.0, 2.5), gain=300.0))),
    "stable": ((_STABLE,), (_SAGITTAL, _VOLUME)),
    "threevisits": ((ChangeCounts(new=3), ChangeCounts(new=2, gone=2)), (_AXIAL, _CORONAL, _AXIAL)),
    "broken": ((_STABLE,), (_VOLUME, _VOLUME)),
}


def plan_demo(seed: int = 0, *, tiny: bool = False) -> list[SubjectPlan]:
    """Plan the four subjects; ``sub-broken`` ends with a file cut in half. ``tiny``: 4 mm scans for tests."""
    plans = []
    for number, (label, (changes, protocols)) in enumerate(_SUBJECTS.items()):
        if tiny:
            protocols = tuple(replace(p, spacing=(4.0, 4.0, 4.0), blur=0.0) for p in protocols)
        months = tuple(12 * n for n in range(len(protocols)))
        plan = plan_subject(
            label,
            (seed, number),
            visits=len(protocols),
            changes=changes,
            protocols=protocols,
            months=months,
            tiny=tiny,
        )
        cut = (plan.visits[-1].label,) if label == "broken" else ()
        plans.append(replace(plan, truncated=cut, sizes=plan.sizes if tiny else _SIZES))
    return plans


def write_demo(
    folder: Path | str, seed: int = 0, *, tiny: bool = False, progress: Callable[[str], None] | None = None
) -> None:
    """Write the demonstration cohort as BIDS; ``progress`` is told each subject that is done."""
    write_bids(folder, plan_demo(seed, tiny=tiny), progress=progress)
