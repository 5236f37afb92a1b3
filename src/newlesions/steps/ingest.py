"""Check one scan, and take it into the work folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from newlesions.cohort.checks import check_scan
from newlesions.cohort.limits import ScanLimits
from newlesions.errors import InputError
from newlesions.images.file_checks import check_file
from newlesions.images.files import sha256 as digest_of
from newlesions.images.files import write_json
from newlesions.images.io import write_volume


def ingest(
    scan: Path | str,
    sha256: str,
    flair_out: Path | str,
    report_out: Path | str,
    limits: Mapping[str, object] | None = None,
) -> None:
    """Check ``scan`` and write it as float32 NIfTI on its own axes, with its own affine.

    Parameters
    ----------
    scan
        The file that ``pairs.tsv`` names.
    sha256
        The digest in ``pairs.tsv``; "" if the file could not be read then.
    flair_out
        The NIfTI file to write.
    report_out
        The JSON file to write: `ScanReport` as a mapping.
    limits
        As in `check_scan`.

    Raises
    ------
    InputError
        If the scan changed since it was frozen, or fails a check. Nothing is written then.
    ConfigError
        If ``limits`` has an unknown name.
    """
    scan, checked = Path(scan), ScanLimits.of(limits)
    check_file(scan)
    if sha256 and digest_of(scan) != sha256:
        raise InputError(scan, "a file that changed since pairs.tsv was frozen", "the same bytes (or index again)")
    volume, report = check_scan(scan, checked)
    write_volume(flair_out, volume, level=1)
    write_json(report_out, report.as_dict())
