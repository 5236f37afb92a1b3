"""What the pages carry with them: their scripts, named by digest in the pages' policy, and the viewer NiiVue."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from markupsafe import Markup

_SCRIPTS = resources.files("newlesions.report") / "templates" / "assets"
_NIIVUE = resources.files("newlesions") / "data" / "niivue"


@dataclass(frozen=True)
class Script:
    """A script's text, and its digest as a content security policy names it: ``'sha256-...'``."""

    text: Markup
    digest: str


@dataclass(frozen=True)
class Library:
    """NiiVue: a data URI of its compressed script, the policy's digest of the plain one, its version and licence."""

    source: str
    digest: str
    version: str
    licence: str


def scripts(names: Sequence[str]) -> list[Script]:
    """The scripts of these names in the folder ``templates/assets``, to be placed in this order."""
    return [_script(name) for name in names]


@lru_cache(maxsize=1)
def niivue() -> Library:
    """The shipped NiiVue. It is compressed in the page, and a third as large; the page unpacks and starts it."""
    packed = (_NIIVUE / "niivue.umd.js.gz").read_bytes()
    facts: dict[str, Any] = json.loads((_NIIVUE / "niivue.json").read_text(encoding="utf-8"))
    digest = base64.b64encode(hashlib.sha256(gzip.decompress(packed)).digest()).decode("ascii")
    licence = (_NIIVUE / "LICENSE").read_text(encoding="utf-8")
    return Library(packed_uri(packed), f"'sha256-{digest}'", facts["version"], licence)


def packed_uri(packed: bytes) -> str:
    """Compressed bytes as a data URI; a page reads what follows the comma."""
    return "data:application/gzip;base64," + base64.b64encode(packed).decode("ascii")


@lru_cache(maxsize=16)
def _script(name: str) -> Script:
    text = (_SCRIPTS / name).read_text(encoding="utf-8")
    if "</script" in text.lower():
        raise ValueError(f"{name} would end its own element")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return Script(Markup(text), f"'sha256-{digest}'")
