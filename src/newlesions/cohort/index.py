"""From a folder or a table to the frozen pairs of a cohort."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from newlesions.cohort import bids, msseg2, table
from newlesions.cohort.dates import order_sessions
from newlesions.cohort.derivatives import Derivatives
from newlesions.cohort.filters import FilterEcho, by_filter_file, by_participant, by_session, describe_filter
from newlesions.cohort.freeze import freeze
from newlesions.cohort.labels import listing, natural_key
from newlesions.cohort.pairs import PAIRINGS, Pair, Skipped, date_values, faults_between, pair_sessions, raise_faults
from newlesions.cohort.pairs_table import write_pairs
from newlesions.errors import ConfigError
from newlesions.images.files import write_json

LAYOUTS = ("auto", "bids", "msseg2", "table")


@dataclass(frozen=True)
class Selection:
    """Which part of the cohort: labels with or without ``sub-`` and ``ses-``, and a BIDS filter file."""

    participant_labels: Sequence[str] = ()
    session_labels: Sequence[str] = ()
    bids_filter_file: Path | None = None


@dataclass(frozen=True)
class IndexReport:
    """How the pairs came about: what each filter did, who gives no pair and why, and remarks."""

    layout: str
    input: str
    filters: list[FilterEcho] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class IndexResult:
    """The pairs of a cohort, and the report on them."""

    pairs: list[Pair]
    report: IndexReport


def index(
    source: Path | str,
    *,
    layout: str = "auto",
    selection: Selection | None = None,
    pairing: str = "consecutive",
    references: Path | str | None = None,
    brains: Path | str | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    digest: Callable[[str], str] | None = None,
) -> IndexResult:
    """Find the pairs in ``source`` and freeze them.

    Parameters
    ----------
    source
        A BIDS folder, a folder of MSSEG-2 subjects, or a table.
    layout
        ``bids``, ``msseg2``, ``table``, or ``auto`` to tell by looking.
    selection
        Which part of the cohort; all of it when absent.
    pairing
        ``consecutive`` sessions, or each against the ``first`` (BIDS only; the other layouts name pairs).
    references, brains
        BIDS derivatives folders with reference masks and with brain masks (BIDS only).
    workers, progress, digest
        As in `freeze`.

    Raises
    ------
    ConfigError
        If the source or the selection is wrong, or no pair is left.
    """
    source, selection = Path(source), selection or Selection()
    layout = detect_layout(source) if layout == "auto" else layout
    if layout not in LAYOUTS:
        raise ConfigError(f"layout: found {layout!r}; expected one of {', '.join(LAYOUTS)}")
    if pairing not in PAIRINGS:
        raise ConfigError(f"pairing: found {pairing!r}; expected one of {', '.join(PAIRINGS)}")
    report = IndexReport(layout, source.resolve().name)
    if layout == "bids":
        pairs = _bids_pairs(source, selection, pairing, _derivatives(references), _derivatives(brains), report)
    else:
        _refuse_bids_options(layout, selection, references, brains)
        pairs = _listed_pairs(source, layout, selection, report)
    if not pairs:
        reasons = "; ".join(f"sub-{skipped.subject}: {skipped.reason}" for skipped in report.skipped[:5])
        raise ConfigError(f"{source}: found no pair of sessions ({reasons}); expected a subject with two sessions")
    raise_faults(str(source), faults_between(pairs))
    frozen, unread = freeze(pairs, workers, progress, digest)
    report.notes.extend(_unread_notes(frozen, set(unread)))
    return IndexResult(frozen, report)


def write(result: IndexResult, path: Path | str) -> None:
    """Write ``pairs.tsv``, and the report as JSON beside it under the same name.

    Raises
    ------
    ConfigError
        As `write_pairs`.
    """
    write_pairs(path, result.pairs)
    write_json(Path(path).with_suffix(".json"), asdict(result.report))


def describe(result: IndexResult) -> list[str]:
    """What a person wants to read after indexing, line by line."""
    report = result.report
    subjects = {pair.subject for pair in result.pairs}
    lines = [
        f"{report.input} ({report.layout}): {_count(len(subjects), 'subject')}, {_count(len(result.pairs), 'pair')}"
    ]
    lines += _reference_lines(result.pairs)
    lines += [describe_filter(echo) for echo in report.filters]
    lines += [f"skipped sub-{skipped.subject}: {skipped.reason}" for skipped in report.skipped]
    lines += [f"note: {note}" for note in report.notes]
    return lines


def detect_layout(source: Path) -> str:
    """``table`` for a file; for a folder ``bids`` or ``msseg2``, by what lies in it.

    Raises
    ------
    ConfigError
        If it is neither, or not there.
    """
    if source.is_file():
        return "table"
    if not source.is_dir():
        raise ConfigError(f"{source}: found no such file or folder; expected a BIDS folder, MSSEG-2 folders or a table")
    if (source / "dataset_description.json").is_file():
        return "bids"
    if msseg2.is_msseg2(source):
        return "msseg2"
    if bids.is_bids(source):
        return "bids"
    raise ConfigError(
        f"{source}: found neither sub-* folders nor */{msseg2.BASELINE}.nii.gz; "
        "expected a BIDS folder, a folder of MSSEG-2 subjects or a table"
    )


def _reference_lines(pairs: Sequence[Pair]) -> list[str]:
    """How many pairs come with which references."""
    scored = [pair for pair in pairs if pair.reference]
    counts = {
        "with a reference mask": len(scored),
        "with a reference mask of gone lesions too": sum(bool(pair.gone_reference) for pair in scored),
        "with masks of single raters too": sum(bool(pair.raters) for pair in scored),
        "with masks of all lesions of both visits": sum(
            bool(pair.baseline_lesions and pair.followup_lesions) for pair in pairs
        ),
        "with other masks but no reference of new lesions, not scored": sum(
            bool(pair.gone_reference or pair.raters) for pair in pairs if not pair.reference
        ),
    }
    return [f"{what}: {_count(count, 'pair')}" for what, count in counts.items() if count]


def _unread_notes(pairs: Sequence[Pair], unread: set[str]) -> list[str]:
    """One remark per scan that cannot be read. It names no folder: reports show remarks."""
    scans = {
        (pair.subject, session): path
        for pair in pairs
        for session, path in ((pair.baseline_session, pair.baseline), (pair.followup_session, pair.followup))
    }
    return [
        f"sub-{subject}_ses-{session}: {Path(path).name} cannot be read; its pairs will fail and say why"
        for (subject, session), path in scans.items()
        if path in unread
    ]


def _bids_pairs(
    root: Path,
    selection: Selection,
    pairing: str,
    references: Derivatives | None,
    brains: Derivatives | None,
    report: IndexReport,
) -> list[Pair]:
    found = bids.find_scans(root)
    report.notes.extend(found.notes)
    scans, without = found.scans, found.without
    if selection.participant_labels:
        # Subjects without a FLAIR exist too: asking for one is no mistake in the label.
        everyone: list[bids.Scan | Skipped] = [*scans, *(Skipped(label, "") for label in without)]
        kept, echo = by_participant(everyone, selection.participant_labels)
        names = {item.subject for item in kept}
        scans, without = [scan for scan in scans if scan.subject in names], [name for name in without if name in names]
        report.filters.append(echo)
    subjects = {scan.subject for scan in scans}
    if selection.session_labels:
        scans, echo = by_session(scans, selection.session_labels, lambda scan: (scan.session,), "scans")
        report.filters.append(echo)
    if selection.bids_filter_file is not None:
        scans, echo, notes = by_filter_file(scans, selection.bids_filter_file)
        report.filters.append(echo)
        report.notes.extend(notes)
    chosen, notes = bids.one_per_session(scans)
    report.notes.extend(notes)
    by_subject: dict[str, list[bids.Scan]] = defaultdict(list)
    for scan in chosen:
        by_subject[scan.subject].append(scan)
    existing = Counter(subject for subject, _ in {(scan.subject, scan.session) for scan in found.scans})
    pairs: list[Pair] = []
    for subject in sorted(subjects | set(without), key=natural_key):
        sessions = by_subject.get(subject, [])
        if len(sessions) > 1:
            whole = len(sessions) == existing[subject]
            pairs += _subject_pairs(root, sessions, pairing, references, brains, report.notes, whole=whole)
        else:
            report.skipped.append(Skipped(subject, _why_skipped(sessions, subject in without)))
    for derivatives in filter(None, (references, brains)):
        report.notes.extend(dict.fromkeys(derivatives.notes))
    return pairs


def _subject_pairs(
    root: Path,
    scans: Sequence[bids.Scan],
    pairing: str,
    references: Derivatives | None,
    brains: Derivatives | None,
    notes: list[str],
    *,
    whole: bool,
) -> list[Pair]:
    """The pairs of one subject; ``whole`` says that no session of the subject was filtered away."""
    subject = scans[0].subject
    paths = {scan.session: str(scan.path.absolute()) for scan in scans}
    order = order_sessions(subject, list(paths), bids.date_sources(root, scans))
    notes.extend(order.notes)
    pairs = []
    for baseline, followup in pair_sessions(order.labels, pairing):
        masks = tuple(brains.brain(subject, session) if brains else "" for session in (baseline, followup))
        pair = Pair.of(
            subject, (baseline, followup), (paths[baseline], paths[followup]), brains=(masks[0], masks[1])
        ).with_values(**date_values(order, baseline, followup))
        if references:
            neighbours = order.labels.index(followup) - order.labels.index(baseline) == 1
            new, gone = (
                references.reference(subject, baseline, followup, consecutive=whole and neighbours, kind=kind)
                for kind in ("new", "gone")
            )
            before, after = (references.lesions(subject, session) for session in (baseline, followup))
            pair = pair.with_values(reference=new, gone_reference=gone, baseline_lesions=before, followup_lesions=after)
        pairs.append(pair)
    return pairs


def _listed_pairs(source: Path, layout: str, selection: Selection, report: IndexReport) -> list[Pair]:
    """Pairs of the layouts that name pairs themselves."""
    if layout == "msseg2":
        pairs, skipped = msseg2.find_pairs(source)
        report.skipped.extend(skipped)
    else:
        pairs, notes = table.read_table(source)
        report.notes.extend(notes)
    if selection.participant_labels:
        everyone: list[Pair | Skipped] = [*pairs, *report.skipped]
        kept, echo = by_participant(everyone, selection.participant_labels)
        names = {item.subject for item in kept}
        report.skipped[:] = [item for item in report.skipped if item.subject in names]
        report.filters.append(echo)
        pairs = [pair for pair in pairs if pair.subject in names]
    if selection.session_labels:
        subjects = {pair.subject for pair in pairs}
        pairs, echo = by_session(
            pairs, selection.session_labels, lambda pair: (pair.baseline_session, pair.followup_session), "pairs"
        )
        left = subjects - {pair.subject for pair in pairs}
        report.skipped.extend(Skipped(name, "the filters leave no pair") for name in sorted(left, key=natural_key))
        report.filters.append(echo)
    return pairs


def _why_skipped(sessions: Sequence[bids.Scan], without: bool) -> str:
    if without:
        return "no FLAIR"
    if not sessions:
        return "the filters leave no session"
    label = sessions[0].session
    return (
        f"one session with a FLAIR (ses-{label}), two are needed"
        if label
        else "no ses-* folders, two sessions are needed"
    )


def _derivatives(root: Path | str | None) -> Derivatives | None:
    return None if root is None else Derivatives(Path(root))


def _refuse_bids_options(
    layout: str, selection: Selection, references: Path | str | None, brains: Path | str | None
) -> None:
    options = {"--bids-filter-file": selection.bids_filter_file, "references": references, "brains": brains}
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise ConfigError(f"{listing(given)}: found with the layout {layout!r}; expected only with 'bids'")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
