"""What a check of a results folder found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

MISSING, CHANGED, UNEXPECTED, OTHER, FAILED = "missing", "changed", "unexpected", "other", "failed"
"""The states of what is not as it was. Of versions `OTHER` is a remark: they need not change a result."""


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was: what it is about, its state and name, what was recorded and what is there now.

    A ``remark`` is told but is no fault.
    """

    about: str
    state: str
    name: str
    expected: str = ""
    found: str = ""
    remark: bool = False


@dataclass(frozen=True)
class Check:
    """How many things of one sort were checked, and what was found."""

    about: str
    checked: int
    findings: Sequence[Finding] = field(default_factory=tuple)

    @property
    def faults(self) -> list[Finding]:
        """The findings that are no mere remarks."""
        return [finding for finding in self.findings if not finding.remark]


def merged(about: str, checks: Iterable[Check]) -> Check:
    """Several checks as one."""
    listed = list(checks)
    return Check(about, sum(check.checked for check in listed), [item for check in listed for item in check.findings])


def as_json(check: Check) -> dict[str, Any]:
    """A check as JSON takes it."""
    return {
        "about": check.about,
        "checked": check.checked,
        "differ": len(check.faults),
        "findings": [asdict(finding) for finding in check.findings],
    }
