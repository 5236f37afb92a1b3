"""The one line with which a failed step ends its log, and which the cohort's table shows."""

from __future__ import annotations

import re

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


def seconds_of(step: str, line: str) -> float | None:
    """The seconds that `ending` of ``step`` tells; None where ``line`` is no such line.

    >>> seconds_of("brain", ending("brain", 16.5))
    16.5
    """
    told = re.fullmatch(r"(\d+(?:\.\d+)?) s", line.removeprefix(f"{step} took ")) if is_ending(step, line) else None
    return float(told[1]) if told else None
