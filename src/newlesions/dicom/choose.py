"""One FLAIR of each visit: which series is taken, and why the others are not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from newlesions.dicom.flair import original, why_not, with_contrast
from newlesions.dicom.headers import Series
from newlesions.dicom.planes import Stack, StackError, stack
from newlesions.dicom.table import LEAVE, TAKE, Row, first


@dataclass(frozen=True)
class Choice:
    """The ``taken`` series of a visit and its stack, or the ``problem`` in words that follow the visit's name.

    ``remarks`` says of every other series why it was left. Without problem and without series the visit was left on
    purpose.
    """

    taken: Series | None
    stack: Stack | None
    problem: str
    remarks: dict[str, str]
    has_flair: bool


def choose(series: Sequence[Series], table: Sequence[Row]) -> Choice:
    """Choose among the series of one subject and date. Where the user's ``table`` says take, it has the last word."""
    said = {one.uid: first(table, one, "use") for one in series}
    remarks = {one.uid: "left by the table" for one in series if said[one.uid] == LEAVE}
    wanted = [one for one in series if said[one.uid] == TAKE]
    candidates = []
    for one in wanted or [one for one in series if one.uid not in remarks]:
        reason = "" if wanted else why_not(one)
        if reason:
            remarks[one.uid] = reason
        else:
            candidates.append(one)
    for one in series:
        if wanted and one not in candidates:
            remarks.setdefault(one.uid, "the table takes another one")
    if not candidates:
        left = len(remarks) == len(series) and all(value == LEAVE for value in said.values())
        problem = "" if left else f"found no FLAIR among {_listed(series)}; expected one"
        return Choice(None, None, problem, remarks, has_flair=False)
    return _the_one(candidates, remarks, strict=not wanted)


def _the_one(candidates: list[Series], remarks: dict[str, str], *, strict: bool) -> Choice:
    """The only usable one of the candidates, or the best by a clear order."""
    stacks: dict[str, Stack] = {}
    faults = []
    for one in candidates:
        try:
            stacks[one.uid] = stack(one.planes)
            fault = _missing_images(one, stacks[one.uid]) if strict else ""
        except StackError as error:
            fault = str(error)
        if fault:
            remarks[one.uid] = fault
            faults.append(f"series {one.name}: found {fault}")
    usable = [one for one in candidates if one.uid not in remarks]
    if not usable:
        return Choice(None, None, f"{'; '.join(faults)}; expected a whole volume", remarks, has_flair=True)
    best = _narrowed(usable, stacks, remarks)
    if len(best) > 1:
        for one in best:
            remarks[one.uid] = f"one of {len(best)} that may be meant"
        problem = f"found {len(best)} FLAIR series, {_listed(best)}; expected one (name it in --table)"
        return Choice(None, None, problem, remarks, has_flair=True)
    return Choice(best[0], stacks[best[0].uid], "", remarks, has_flair=True)


def _missing_images(series: Series, made: Stack) -> str:
    """Whether the header announces more images than there are slices."""
    there = len(made.planes)
    return f"{there} of {series.declared} images" if series.declared is not None and there < series.declared else ""


def _narrowed(usable: list[Series], stacks: dict[str, Stack], remarks: dict[str, str]) -> list[Series]:
    """What is left of the usable series when each rule in turn keeps the better ones, if there are any."""

    def whole(one: Series) -> bool:
        same = (other for other in usable if other.description == one.description)
        return len(stacks[one.uid].planes) == max(len(stacks[other.uid].planes) for other in same)

    rules: tuple[tuple[str, Callable[[Series], bool]], ...] = (
        ("interrupted: another series of this name has more slices", whole),
        ("made from other images", original),
        ("with contrast agent", lambda one: not with_contrast(one)),
        ("2D, beside one in 3D", lambda one: one.three_dimensional),
    )
    for reason, better in rules:
        kept = [one for one in usable if better(one)]
        if kept and len(kept) < len(usable):
            remarks.update({one.uid: reason for one in usable if one not in kept})
            usable = kept
    return usable


def _listed(series: Sequence[Series]) -> str:
    return ", ".join(one.name for one in series[:8]) + (f" and {len(series) - 8} more" if len(series) > 8 else "")
