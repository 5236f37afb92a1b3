"""Given masks in a BIDS derivatives folder: of new and of gone lesions, of all lesions of a visit, and of brains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from newlesions.cohort.bids import EXTENSIONS
from newlesions.cohort.entities import BidsName, parse_name
from newlesions.cohort.labels import clean_label, listing
from newlesions.errors import ConfigError


@dataclass
class Derivatives:
    """The masks below ``root``, looked up by subject and session; remarks gather in ``notes``."""

    root: Path
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Check that the folder is there, once."""
        if not self.root.is_dir():
            raise ConfigError(f"{self.root}: found no such folder; expected a BIDS derivatives folder with masks")
        self._folders = {
            clean_label(path.name, "sub-"): path for path in self.root.iterdir() if path.name.startswith("sub-")
        }
        if not self._folders:
            raise ConfigError(f"{self.root}: found no sub-* folder; expected a BIDS derivatives folder with masks")

    def reference(self, subject: str, baseline: str, followup: str, *, consecutive: bool, kind: str = "new") -> str:
        """The one mask of lesions new (``kind`` "gone": gone) at ``followup`` in the follow-up's own grid, or "".

        ``desc-newSince<baseline>`` is taken, or a plain ``desc-new`` where the two sessions are ``consecutive``: what
        is new since an earlier session is another question.
        """
        found = self._find(subject, followup, {"label": "lesion", "space": "orig", "desc": f"{kind}Since{baseline}"})
        plain = self._find(subject, followup, {"label": "lesion", "space": "orig", "desc": kind})
        if consecutive:
            found += plain
        elif plain and not found:
            self.notes.append(
                f"{plain[0].name} is not used as the reference of ses-{baseline} to ses-{followup}: "
                "it may be about another baseline"
            )
        what = "reference" if kind == "new" else f"reference of {kind} lesions"
        return self._only(found, f"{what} of sub-{subject}_ses-{followup}")

    def lesions(self, subject: str, session: str) -> str:
        """The one ``desc-all`` mask of the lesions of a session, in the scan's own grid, or ""."""
        found = self._find(subject, session, {"label": "lesion", "space": "orig", "desc": "all"})
        return self._only(found, f"mask of all lesions of sub-{subject}_ses-{session}")

    def brain(self, subject: str, session: str) -> str:
        """The one ``desc-brain`` mask in the scan's own grid (``space-orig`` or no space), or ""."""
        found = self._find(subject, session, {"desc": "brain"})
        return self._only(found, f"brain mask of sub-{subject}_ses-{session}")

    def _find(self, subject: str, session: str, entities: Mapping[str, str]) -> list[Path]:
        """Masks of a session with these entities, in the scan's own grid."""
        folder = self._folders.get(subject)
        return [
            path
            for path, name in (_masks(folder) if folder else [])
            if clean_label(name.entities.get("sub", "")) == subject
            and clean_label(name.entities.get("ses", "")) == session
            and entities.items() <= name.entities.items()
            and name.entities.get("space", "orig") == "orig"
        ]

    def _only(self, found: list[Path], what: str) -> str:
        if len(found) > 1:
            self.notes.append(f"{len(found)} masks could be the {what}, none is used: {listing(p.name for p in found)}")
        return str(found[0].absolute()) if len(found) == 1 else ""


def _masks(folder: Path) -> list[tuple[Path, BidsName]]:
    parsed = ((path, parse_name(path.name)) for path in sorted(folder.rglob("*_mask.nii*")))
    return [(path, name) for path, name in parsed if name is not None and name.extension in EXTENSIONS]
