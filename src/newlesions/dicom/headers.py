"""Reading DICOM headers: which MR series a folder holds, and what each says of itself."""

from __future__ import annotations

import os
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from newlesions.dicom.planes import Plane, planes_of

MR_IMAGES = ("1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1")
"""SOP classes: MR Image Storage, Enhanced MR Image Storage."""

_TAGS = (
    "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate",
    "SeriesDate", "AcquisitionDate", "ContentDate", "SeriesNumber", "SeriesDescription", "ProtocolName", "ImageType",
    "BodyPartExamined", "ContrastBolusAgent", "MRAcquisitionType", "EchoTime", "RepetitionTime", "InversionTime",
    "ImagesInAcquisition", "InstanceNumber", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows",
    "Columns", "NumberOfFrames", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
)  # fmt: skip


@dataclass
class Series:
    """One MR series: what its first file says, and a plane per image.

    Times are in ms; those, and ``declared`` (how many images there should be), are None where the header is silent.
    ``planes`` are in the order of their files' names.
    """

    uid: str
    patient: str
    birth_date: str
    sex: str
    date: str
    number: str
    description: str
    image_type: frozenset[str]
    body_part: str
    contrast: bool
    three_dimensional: bool
    echo_time: float | None
    repetition_time: float | None
    inversion_time: float | None
    declared: int | None
    folder: Path
    planes: list[Plane] = field(default_factory=list)

    @property
    def files(self) -> list[Path]:
        """The files, each once."""
        return list(dict.fromkeys(plane.path for plane in self.planes))

    @property
    def name(self) -> str:
        """The series as a person finds it: number and description."""
        return f"{self.number or '?'} {self.description!r}"


@dataclass(frozen=True)
class Found:
    """The MR series of a folder, in the order of their files' names, and a line for each file that is damaged."""

    series: list[Series]
    faults: list[str]


def read_series(root: Path) -> Found:
    """The MR series below ``root``. What is no DICOM file, or no MR image, is passed over.

    A file that is there twice (one SOP instance) counts once.
    """
    found: dict[str, Series] = {}
    seen: dict[str, set[str]] = defaultdict(set)
    faults = []
    for path in _files(root):
        try:
            _add(path, found, seen)
        except (EOFError, OSError, ValueError, TypeError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            faults.append(f"{path}: found a damaged DICOM file ({reason}); expected one that can be read")
    return Found(list(found.values()), faults)


def _add(path: Path, found: dict[str, Series], seen: dict[str, set[str]]) -> None:
    """Add the images of a file to their series."""
    header = _header(path)
    if header is None:
        return
    uid, instance = str(header.SeriesInstanceUID), str(header.get("SOPInstanceUID", path))
    planes = planes_of(header, path)
    if uid not in found:
        found[uid] = _series(header, uid, path)
    if instance not in seen[uid]:
        seen[uid].add(instance)
        found[uid].planes.extend(planes)


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders.sort()
        yield from (Path(folder, name) for name in sorted(names) if name.upper() != "DICOMDIR")


def _header(path: Path) -> Any:
    """The header of an MR image; None for every other file."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of values that break the standard; what is used here is checked
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS))
    except InvalidDicomError:
        return None
    fits = str(header.get("SOPClassUID", "")) in MR_IMAGES and header.get("SeriesInstanceUID")
    return header if fits else None


def _series(header: Any, uid: str, path: Path) -> Series:
    shared = (header.get("SharedFunctionalGroupsSequence") or [{}])[0]
    dates = (_text(header, f"{name}Date") for name in ("Study", "Series", "Acquisition", "Content"))
    return Series(
        uid=uid,
        patient=_text(header, "PatientID"),
        birth_date=_text(header, "PatientBirthDate"),
        sex=_text(header, "PatientSex"),
        date=next((date.replace(".", "") for date in dates if date), ""),
        number=_text(header, "SeriesNumber"),
        description=_text(header, "SeriesDescription") or _text(header, "ProtocolName"),
        image_type=frozenset(str(value).strip().upper() for value in _values(header.get("ImageType"))),
        body_part=_text(header, "BodyPartExamined").upper(),
        contrast=bool(_text(header, "ContrastBolusAgent")),
        three_dimensional=_text(header, "MRAcquisitionType").upper() == "3D",
        echo_time=_number(header, "EchoTime", shared, "MREchoSequence", "EffectiveEchoTime"),
        repetition_time=_number(header, "RepetitionTime", shared, "MRTimingAndRelatedParametersSequence"),
        inversion_time=_number(header, "InversionTime", shared, "MRModifierSequence", "InversionTimes"),
        declared=_whole(header, "ImagesInAcquisition"),
        folder=path.parent,
    )


def _text(header: Any, keyword: str) -> str:
    """A value on one line, without control characters."""
    value = " ".join(str(item) for item in _values(header.get(keyword)))
    return " ".join("".join(c if c.isprintable() else " " for c in value).split())


def _values(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) or type(value).__name__ == "MultiValue" else [value]


def _number(header: Any, keyword: str, shared: Any, sequence: str, inner: str = "") -> float | None:
    """A number of the header, or of a sequence in an enhanced image's shared groups."""
    inside = (shared.get(sequence) or [{}])[0]
    for value in (header.get(keyword), inside.get(inner or keyword)):
        for item in _values(value)[:1]:
            return float(item)
    return None


def _whole(header: Any, keyword: str) -> int | None:
    number = _number(header, keyword, {}, "")
    return None if number is None else int(number)
