from __future__ import annotations

import base64
import gzip
import hashlib
import json
from importlib import resources

import pytest

from newlesions.report import assets

_NIIVUE = resources.files("newlesions") / "data" / "niivue"


def test_the_shipped_viewer_is_the_file_whose_digest_is_written_beside_it():
    facts = json.loads((_NIIVUE / "niivue.json").read_text())
    script = gzip.decompress((_NIIVUE / "niivue.umd.js.gz").read_bytes())
    assert hashlib.sha256(script).hexdigest() == facts["sha256"]
    library = assets.niivue()
    assert library.version == facts["version"]
    assert library.digest == f"'sha256-{base64.b64encode(bytes.fromhex(facts['sha256'])).decode()}'"
    assert gzip.decompress(base64.b64decode(library.source.partition(",")[2])) == script
    assert "BSD 2-Clause" in library.licence


def test_scripts_come_in_the_order_asked_for_with_their_digests():
    first, second = assets.scripts(["viewer.js", "review.js"])
    assert "NiiVue" in first.text and "localStorage" in second.text
    assert first.digest == f"'sha256-{base64.b64encode(hashlib.sha256(first.text.encode()).digest()).decode()}'"


def test_an_unknown_script_is_an_error():
    with pytest.raises(FileNotFoundError):
        assets.scripts(["no-such.js"])
