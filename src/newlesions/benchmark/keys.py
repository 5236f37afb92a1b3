"""Names for what is computed, made from what bears on it: equal settings, equal name, computed once."""

from __future__ import annotations

import hashlib
import json
from typing import Any

_LENGTH = 12
"""Hexadecimal digits: a collision among a million things has a chance of one in five hundred."""


def key_of(content: Any) -> str:
    """The name of what ``content`` (as JSON can hold it) describes; the order of entries does not matter.

    >>> key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})
    True
    """
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]
