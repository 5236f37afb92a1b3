"""Subject and session labels: cleaning, and the order in which a person would list them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from newlesions.errors import ConfigError

_FORBIDDEN = re.compile(r"[^A-Za-z0-9+]")
_DIGITS = re.compile(r"([0-9]+)")


def clean_label(text: str, prefix: str = "") -> str:
    """``text`` without ``prefix`` (``sub-`` or ``ses-``) and without the characters that BIDS forbids in a label.

    Examples
    --------
    >>> clean_label("sub-MS-001", "sub-")
    'MS001'
    >>> clean_label("2021+a")
    '2021+a'
    """
    return _FORBIDDEN.sub("", text.strip().removeprefix(prefix))


def clean_labels(raw: Iterable[str], prefix: str, where: str) -> dict[str, str]:
    """Each raw label's clean form.

    Raises
    ------
    ConfigError
        If two of them differ only in characters that BIDS forbids, or if nothing is left of one.
    """
    cleaned: dict[str, str] = {}
    owner: dict[str, str] = {}
    for text in raw:
        label = clean_label(text, prefix)
        if not label:
            raise ConfigError(f"{where}: found the label {text!r}; expected letters or digits in it")
        if owner.setdefault(label, text) != text:
            raise ConfigError(
                f"{where}: found {owner[label]!r} and {text!r}, both of which become the BIDS label {label!r}; "
                "expected labels that differ in letters or digits"
            )
        cleaned[text] = label
    return cleaned


def natural_key(text: str) -> tuple[tuple[str | int, ...], str]:
    """A sorting key that puts ``ses-2`` before ``ses-10``; upper and lower case sort together.

    Examples
    --------
    >>> sorted(["ses-10", "ses-2", "ses-M1"], key=natural_key)
    ['ses-2', 'ses-10', 'ses-M1']
    """
    parts = _DIGITS.split(text.casefold())
    return tuple(int(part) if index % 2 else part for index, part in enumerate(parts)), text


def listing(names: Iterable[str], limit: int = 20) -> str:
    """``names`` in natural order as one line, cut after ``limit``."""
    ordered = sorted(set(names), key=natural_key)
    more = f" and {len(ordered) - limit} more" if len(ordered) > limit else ""
    return (", ".join(ordered[:limit]) or "none") + more
