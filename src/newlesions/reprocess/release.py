"""A finished results folder as it describes itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from newlesions.cohort.made import read_digest_list
from newlesions.cohort.outcome import DONE
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import read_pairs
from newlesions.cohort.results import DIGEST_LIST, cohort_files, page_file
from newlesions.errors import ConfigError
from newlesions.images.files import read_json
from newlesions.report.tables import read_rows

_EXPECTED = "the results folder of a finished `newlesions run`"


@dataclass(frozen=True)
class Release:
    """A results folder: its provenance.json, its pairs, its newlesions.tsv, and the digests of its files by path.

    ``digests`` is None where the list of them is missing or damaged; ``why`` then says what is wrong with it.
    """

    folder: Path
    provenance: Mapping[str, Any]
    pairs: Mapping[str, Pair]
    rows: Mapping[str, Mapping[str, str]]
    digests: Mapping[str, str] | None
    why: str = ""

    def done(self) -> list[str]:
        """The pairs that were finished, in the table's order."""
        return [pair for pair, row in self.rows.items() if row["status"] == DONE and pair in self.pairs]

    def files_of(self, pair: Pair) -> dict[str, str]:
        """The digests of a pair's files by path: those in its follow-up's folder, and its page."""
        folder = f"sub-{pair.subject}/ses-{pair.followup_session}"
        page = page_file(Path(), pair).as_posix()
        return self._by_folder.get(folder, {}) | self._by_folder.get(page, {})

    @cached_property
    def _by_folder(self) -> dict[str, dict[str, str]]:
        """The files by session folder; those in no session's folder by their path."""
        found: dict[str, dict[str, str]] = {}
        for path, digest in (self.digests or {}).items():
            parts = path.split("/")
            found.setdefault("/".join(parts[:2]), {})[path] = digest
        return found


def read_release(folder: Path) -> Release:
    """Read what ``folder`` says about itself.

    Raises
    ------
    ConfigError
        If it is no results folder, or one that is not finished.
    """
    files = cohort_files(folder)
    if not folder.is_dir():
        raise ConfigError(f"{folder}: found no such folder; expected {_EXPECTED}")
    for path in (files["provenance_record"], files["table"], folder / "pairs.tsv"):
        if not path.is_file():
            raise ConfigError(f"{path}: found no such file; expected {_EXPECTED}")
    digests, why = _digests(folder / DIGEST_LIST)
    return Release(
        folder,
        _provenance(files["provenance_record"]),
        {pair.pair: pair for pair in read_pairs(folder / "pairs.tsv")},
        _rows(files["table"]),
        digests,
        why,
    )


def _provenance(path: Path) -> Mapping[str, Any]:
    try:
        content = read_json(path)
    except ValueError as error:
        raise ConfigError(f"{path}: found {error}; expected JSON, as a run wrote it") from error
    if not (isinstance(content, dict) and {"outputs", "inputs", "pairs", "settings", "versions"} <= content.keys()):
        raise ConfigError(
            f"{path}: found no digests of the outputs; expected them, as a run of this version or a later one writes"
        )
    return content


def _rows(path: Path) -> dict[str, dict[str, str]]:
    rows = read_rows(path)
    if rows and not {"pair", "status", "reason"} <= rows[0].keys():
        raise ConfigError(f"{path}: found no columns pair, status and reason; expected {_EXPECTED}")
    return {row["pair"]: row for row in rows}


def _digests(path: Path) -> tuple[dict[str, str] | None, str]:
    try:
        with open(path, encoding="utf-8") as lines:
            return read_digest_list(lines), ""
    except FileNotFoundError:
        return None, "missing"
    except (OSError, ValueError) as error:
        return None, str(error)
