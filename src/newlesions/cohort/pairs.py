"""The pair of a subject's baseline and follow-up session, and how a subject's sessions make pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise

from newlesions.cohort.dates import SessionOrder, days_between
from newlesions.errors import ConfigError

PAIRINGS = ("consecutive", "first")
MOST_FAULTS = 20


@dataclass(frozen=True)
class Pair:
    """One row of ``pairs.tsv``: text only, as in the table; "" is absent. The fields' order is the columns' order."""

    pair: str
    subject: str
    baseline_session: str
    followup_session: str
    baseline: str
    followup: str
    baseline_sha256: str = ""
    followup_sha256: str = ""
    aligned: str = "no"
    baseline_brain: str = ""
    followup_brain: str = ""
    reference: str = ""
    gone_reference: str = ""
    raters: str = ""
    baseline_lesions: str = ""
    followup_lesions: str = ""
    baseline_date: str = ""
    followup_date: str = ""
    days: str = ""

    @classmethod
    def of(
        cls,
        subject: str,
        sessions: tuple[str, str],
        scans: tuple[str, str],
        *,
        aligned: bool = False,
        brains: tuple[str, str] = ("", ""),
    ) -> Pair:
        """A pair from (baseline, follow-up) tuples of session labels, scan paths and brain mask paths."""
        return cls(
            pair_id(subject, sessions[1]),
            subject,
            *sessions,
            *scans,
            aligned="yes" if aligned else "no",
            baseline_brain=brains[0],
            followup_brain=brains[1],
        )

    @property
    def is_aligned(self) -> bool:
        """Whether both scans already lie in one halfway space."""
        return self.aligned == "yes"

    @property
    def rater_masks(self) -> dict[str, str]:
        """The single raters' reference masks, paths by the rater's name."""
        return split_raters(self.raters)

    @property
    def references(self) -> list[str]:
        """The paths of all masks that the pair is scored against; none where ``reference`` is absent."""
        given = (self.reference, self.gone_reference, *self.rater_masks.values())
        return [path for path in given if path] if self.reference else []

    def with_values(self, **values: str) -> Pair:
        """The same pair with other values in the named columns."""
        return replace(self, **values)

    def row(self) -> dict[str, str]:
        """The values by column."""
        return dict(vars(self))


COLUMNS = tuple(column.name for column in fields(Pair))
OPTIONAL = ("gone_reference", "raters", "baseline_lesions", "followup_lesions")
"""Columns that a pairs table may lack: tables of before they came in are still read."""


@dataclass(frozen=True)
class Skipped:
    """A subject that gives no pair, and why."""

    subject: str
    reason: str


def split_raters(text: str) -> dict[str, str]:
    """The value of the column ``raters`` as paths by name.

    >>> split_raters("expert1=/a/one.nii;expert2=/a/two.nii")
    {'expert1': '/a/one.nii', 'expert2': '/a/two.nii'}
    """
    return {name: path for name, _, path in (item.partition("=") for item in text.split(";") if item)}


def join_raters(masks: Mapping[str, str]) -> str:
    """Paths by the rater's name as the column ``raters`` holds them."""
    return ";".join(f"{name}={path}" for name, path in masks.items())


def pair_id(subject: str, followup_session: str) -> str:
    """A pair is filed under its follow-up session: ``sub-01_ses-M12``."""
    return f"sub-{subject}_ses-{followup_session}"


def pair_sessions(labels: Sequence[str], pairing: str = "consecutive") -> list[tuple[str, str]]:
    """(baseline, follow-up) labels of n ordered sessions: n-1 ``consecutive`` pairs, or each against the ``first``.

    Raises
    ------
    ConfigError
        If ``pairing`` is neither.
    """
    if pairing not in PAIRINGS:
        raise ConfigError(f"pairing: found {pairing!r}; expected one of {', '.join(PAIRINGS)}")
    if pairing == "first":
        return [(labels[0], label) for label in labels[1:]]
    return list(pairwise(labels))


def date_values(order: SessionOrder, baseline: str, followup: str) -> dict[str, str]:
    """The date columns of a pair; empty where the sessions were ordered by label."""
    if not order.dates:
        return {}
    first, second = order.dates[baseline], order.dates[followup]
    return {
        "baseline_date": first.date().isoformat(),
        "followup_date": second.date().isoformat(),
        "days": str(days_between(first, second)),
    }


def faults_between(pairs: Sequence[Pair]) -> list[str]:
    """What is wrong across rows, one line each: ids twice or not as their labels, sessions with two files."""
    faults = [
        f"pair {name}: found {count} rows; expected one row per subject and follow-up session"
        for name, count in Counter(pair.pair for pair in pairs).items()
        if count > 1
    ]
    known: dict[tuple[str, str, str], str] = {}
    for pair in pairs:
        expected = pair_id(pair.subject, pair.followup_session)
        if pair.pair != expected:
            faults.append(
                f"pair {pair.pair}: found this id; expected {expected}, from its subject and follow-up session"
            )
        names = [item.partition("=")[0] for item in pair.raters.split(";")]
        if len(set(names)) < len(names):
            faults.append(f"pair {pair.pair}, column raters: found a name twice; expected one mask per rater")
        if pair.baseline_session == pair.followup_session:
            faults.append(f"pair {pair.pair}: found the session {pair.followup_session} twice; expected two sessions")
            continue
        for session, values in (
            (pair.baseline_session, (pair.baseline, pair.baseline_brain, pair.baseline_sha256, pair.baseline_lesions)),
            (pair.followup_session, (pair.followup, pair.followup_brain, pair.followup_sha256, pair.followup_lesions)),
        ):
            for what, value in zip(("scan", "brain mask", "digest", "mask of all lesions"), values, strict=True):
                first = known.setdefault((pair.subject, session, what), value)
                if first != value:
                    faults.append(
                        f"sub-{pair.subject}_ses-{session}: found two values for its {what}, {first or 'none'} and "
                        f"{value or 'none'}; expected one in all rows (give different scans different session labels)"
                    )
    return faults


def raise_faults(where: str, faults: Sequence[str]) -> None:
    """Raise one ConfigError that lists ``faults``, if there are any."""
    if not faults:
        return
    if len(faults) == 1:
        raise ConfigError(f"{where}: {faults[0]}")
    shown = list(faults[:MOST_FAULTS])
    if len(faults) > MOST_FAULTS:
        shown.append(f"and {len(faults) - MOST_FAULTS} more")
    raise ConfigError(f"{where}: {len(faults)} faults\n" + "\n".join(f"  {fault}" for fault in shown))
