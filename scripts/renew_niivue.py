"""Renew or check the copy of NiiVue that the pages of pairs embed. Needs npm, which verifies what it downloads.

    python scripts/renew_niivue.py 0.69.0    write src/newlesions/data/niivue/ from this version of the package
    python scripts/renew_niivue.py           check that what lies there is what the registry has of its version

The licence lies beside it and is no part of the package: look at it when the version changes.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "src" / "newlesions" / "data" / "niivue"
PACKAGE = "@niivue/niivue"
FILE = "dist/niivue.umd.js"


def packed(version: str) -> tuple[bytes, str]:
    """The package of ``version`` as a gzipped tar, and the integrity (``sha512-...``) that the registry states."""
    stated = _npm("view", f"{PACKAGE}@{version}", "dist.integrity")
    with tempfile.TemporaryDirectory() as folder:
        name = json.loads(_npm("pack", f"{PACKAGE}@{version}", "--json", "--pack-destination", folder))[0]["filename"]
        content = (Path(folder) / Path(name).name).read_bytes()
    found = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode("ascii")
    if found != stated:
        sys.exit(f"{PACKAGE}@{version}: found {found}; expected {stated}")
    return content, stated


def script_of(package: bytes) -> bytes:
    """The one file that is embedded."""
    with tempfile.TemporaryFile() as stream:
        stream.write(package)
        stream.seek(0)
        with tarfile.open(fileobj=stream, mode="r:gz") as archive:
            member = archive.extractfile(f"package/{FILE}")
            if member is None:
                sys.exit(f"{PACKAGE}: found no {FILE}; expected the package's bundle for browsers")
            return member.read()


def facts(version: str, integrity: str, script: bytes) -> str:
    """What is written beside the script: where it comes from, and its digest."""
    content = {
        "package": PACKAGE,
        "version": version,
        "integrity": integrity,
        "file": FILE,
        "sha256": hashlib.sha256(script).hexdigest(),
    }
    return json.dumps(content, indent=2) + "\n"


def main() -> None:
    """Renew where a version is given, else check."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("version", nargs="?", help="the version to take; without it, the shipped one is checked")
    given = arguments.parse_args().version
    version = given or json.loads((FOLDER / "niivue.json").read_text(encoding="utf-8"))["version"]
    package, integrity = packed(version)
    script = script_of(package)
    text = facts(version, integrity, script)
    if given:
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / "niivue.umd.js.gz").write_bytes(gzip.compress(script, compresslevel=9, mtime=0))
        (FOLDER / "niivue.json").write_text(text, encoding="utf-8")
        print(f"wrote {PACKAGE} {version} to {FOLDER}")
        return
    shipped = gzip.decompress((FOLDER / "niivue.umd.js.gz").read_bytes())
    if shipped != script or (FOLDER / "niivue.json").read_text(encoding="utf-8") != text:
        sys.exit(f"{FOLDER}: found another file than {PACKAGE} {version} has; expected the same bytes")
    print(f"{FOLDER} is {PACKAGE} {version}, {integrity}")


def _npm(*arguments: str) -> str:
    return subprocess.run(["npm", *arguments], check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main()
