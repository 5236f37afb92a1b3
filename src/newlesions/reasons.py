"""The one line with which a failed step ends its log, and which the cohort's table shows."""

from __future__ import annotations

REASON = "ERROR: "
"""How that line begins."""


def one_line(text: str) -> str:
    """``text`` with every run of white space and control characters as one space.

    >>> one_line("first\\n\\tsecond")
    'first second'
    """
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def ending(step: str, seconds: float) -> str:
    """The last line of a log whose step succeeded."""
    return f"{step} took {seconds:.1f} s"


def is_ending(step: str, line: str) -> bool:
    """Whether ``line`` is `ending` of ``step``."""
    return line.startswith(f"{step} took ")
