"""Who is who, and what is to be converted: from series, the user's table and the key of earlier runs to a plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from newlesions.cohort.labels import natural_key
from newlesions.dicom.choose import Choice, choose
from newlesions.dicom.headers import Series
from newlesions.dicom.labels import day, session_labels, shifted, subject_labels
from newlesions.dicom.planes import Stack
from newlesions.dicom.table import LEAVE, TAKE, Row, first
from newlesions.errors import ConfigError


@dataclass(frozen=True)
class Scan:
    """A series to convert, and its place in the BIDS folder."""

    subject: str
    session: str
    series: Series
    stack: Stack

    @property
    def stem(self) -> str:
        """The beginning of its files' names."""
        return f"sub-{self.subject}_ses-{self.session}"

    @property
    def image(self) -> Path:
        """Its image, below the BIDS folder."""
        return image_file(self.subject, self.session)


def image_file(subject: str, session: str) -> Path:
    """Where a session's FLAIR lies, below the BIDS folder."""
    return Path(f"sub-{subject}", f"ses-{session}", "anat", f"sub-{subject}_ses-{session}_FLAIR.nii.gz")


@dataclass(frozen=True)
class Plan:
    """The ``scans`` to convert, the ``problems`` to tell, one line each, and the new ``key``."""

    scans: list[Scan]
    problems: list[str]
    key: list[Row]


def make_plan(series: Sequence[Series], table: Sequence[Row], known: Sequence[Row]) -> Plan:
    """Name subjects and sessions, and choose one FLAIR for each subject and date.

    Raises
    ------
    ConfigError
        If ``table`` contradicts ``known``, the key of an earlier run, or gives two dates one session label.
    """
    usable, problems = _identified(series)
    subjects = _subjects(usable, table, known)
    people: dict[str, list[Series]] = defaultdict(list)
    for one in usable:
        people[subjects[one.patient]].append(one)
    scans: list[Scan] = []
    rows: list[Row] = []
    for subject in sorted(people, key=natural_key):
        mine = [replace(row, subject=subject) for row in known if subjects.get(row.patient, row.subject) == subject]
        try:
            _check_person(people[subject])
        except ConfigError as error:
            problems.append(f"sub-{subject}: {error}")
            continue
        found, told, listed = _person(subject, people[subject], table, mine)
        scans += found
        problems += told
        rows += listed
    return Plan(scans, problems, _merged(rows, known))


def _identified(series: Sequence[Series]) -> tuple[list[Series], list[str]]:
    """The series with a patient ID and a date, and a line for each folder with others."""
    usable = [one for one in series if one.patient and one.date]
    lacking: dict[tuple[Path, str], list[Series]] = defaultdict(list)
    for one in series:
        if not (one.patient and one.date):
            lacking[one.folder, "a study date" if one.patient else "a patient ID"].append(one)
    return usable, [
        f"{folder}: found {len(group)} series without {what}; expected one" for (folder, what), group in lacking.items()
    ]


def _subjects(series: Sequence[Series], table: Sequence[Row], known: Sequence[Row]) -> dict[str, str]:
    """The subject label of each patient."""
    labels = {row.patient: row.subject for row in known if row.subject}
    for one in series:
        wanted = first(table, one, "subject")
        if wanted and labels.setdefault(one.patient, wanted) != wanted:
            raise ConfigError(
                f"--table: found subject {wanted} for a patient who is {labels[one.patient]} in the key; expected the "
                "same, or a new BIDS folder"
            )
    return subject_labels(sorted({one.patient for one in series}, key=natural_key), labels)


def _check_person(series: Sequence[Series]) -> None:
    """Refuse series of two persons under one label."""
    for what in ("birth_date", "sex"):
        values = {getattr(one, what) for one in series} - {""}
        if len(values) > 1:
            name = what.replace("_", " ")
            raise ConfigError(f"found {len(values)} values of {name} in its series; expected those of one person")


def _person(
    subject: str, series: Sequence[Series], table: Sequence[Row], known: Sequence[Row]
) -> tuple[list[Scan], list[str], list[Row]]:
    """The scans, problems and rows of one subject."""
    visits: dict[str, list[Series]] = defaultdict(list)
    for one in series:
        visits[one.date].append(one)
    choices = {date: choose(visits[date], table) for date in sorted(visits)}
    wanted = {date: next(filter(None, (first(table, s, "session") for s in visits[date])), "") for date in visits}
    fixed = {row.study_date: row.session for row in known if row.session}
    fixed |= {date: label for date, label in wanted.items() if label}
    if len(set(fixed.values())) < len(fixed):
        raise ConfigError(f"sub-{subject}: found two dates with one session label; expected a label for each date")
    named = [date for date, choice in choices.items() if choice.has_flair]
    labels = session_labels(named, fixed) if named or fixed else {}
    scans, problems, rows = [], [], []
    for date, choice in choices.items():
        session = labels.get(date, "")
        problem = choice.problem
        if choice.taken is not None and not session:
            problem = "found a date before those of its known sessions; expected a session label for it in --table"
        if problem:
            problems.append(f"sub-{subject}, study of {day(date)}: {problem}")
        elif choice.taken is not None and choice.stack is not None:
            scans.append(Scan(subject, session, choice.taken, choice.stack))
        rows += [_key_row(one, subject, session, choice, problem) for one in visits[date]]
    return scans, problems, rows


def _key_row(series: Series, subject: str, session: str, choice: Choice, problem: str) -> Row:
    taken = series is choice.taken and not problem
    return Row(
        patient=series.patient,
        study_date=series.date,
        series_number=series.number,
        series=series.description,
        use=TAKE if taken else LEAVE,
        subject=subject,
        session=session,
        images=str(len(series.planes)),
        series_uid=series.uid,
        remark="" if taken else choice.remarks.get(series.uid, problem),
    )


def _merged(rows: Sequence[Row], known: Sequence[Row]) -> list[Row]:
    """New rows, and those of the old key about series that were not seen this time."""
    seen = {row.series_uid for row in rows}
    taken = {(row.subject, row.session) for row in rows if row.use == TAKE}
    kept = [row for row in known if row.series_uid not in seen]
    kept = [
        replace(row, use=LEAVE, remark="another one was found later")
        if row.use == TAKE and (row.subject, row.session) in taken
        else row
        for row in kept
    ]
    return sorted([*rows, *kept], key=_key_order)


def _key_order(row: Row) -> tuple[object, ...]:
    return tuple(map(natural_key, (row.subject, row.study_date, row.series_number, row.series_uid)))


def first_dates(key: Sequence[Row]) -> dict[str, str]:
    """The date of each subject's first session."""
    dates: dict[str, str] = {}
    for row in key:
        if row.session:
            dates[row.subject] = min(dates.get(row.subject, row.study_date), row.study_date)
    return dates


def session_rows(key: Sequence[Row]) -> dict[str, list[tuple[str, str]]]:
    """(session label, shifted date) of the sessions of each subject that have a scan, in the order of their dates."""
    earliest = first_dates(key)
    rows: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for row in key:
        if row.use == TAKE:
            rows[row.subject].add((shifted(row.study_date, earliest[row.subject]), row.session))
    return {subject: [(label, date) for date, label in sorted(some)] for subject, some in rows.items()}
