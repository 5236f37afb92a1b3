"""Changed lesions as a DICOM segmentation of the follow-up's own series."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions import __version__
from newlesions.detect.classes import COLOURS, ENLARGING, GONE, KINDS, NEW, SHRINKING
from newlesions.dicom.source import Source
from newlesions.errors import InputError
from newlesions.images.files import write_atomically
from newlesions.images.volume import Array

_SEGMENTS = {
    NEW: ("New lesions", "Bright at follow-up where the baseline was not"),
    ENLARGING: ("Enlarging lesions", "New bright tissue at a lesion of the baseline"),
    GONE: ("Gone lesions", "Bright at baseline and no longer, drawn where that place is at follow-up"),
    SHRINKING: ("Shrinking lesions", "Part of a lesion of the baseline that is no longer bright"),
}
# SNOMED CT, as in CID 7150, 7151 and 6002 of DICOM PS3.16; no code there says that a finding is gone.
_CHANGE_CODES = {
    NEW: ("129721008", "SCT", "New finding"),
    ENLARGING: ("15454001", "SCT", "Increase in size"),
    SHRINKING: ("19776001", "SCT", "Decrease in size"),
}
_SERIES_NUMBER = 9700
_PLAIN = re.compile(r"[^A-Za-z0-9.+_-]")
# What highdicom reads from the source; all may be empty in DICOM, but some scanners and anonymisers leave them out.
_MAY_BE_EMPTY = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
_REMARKS = ("PatientComments", "AdditionalPatientHistory", "AdmittingDiagnosesDescription", "Occupation")


def write_segmentation(path: Path, change: NDArray[np.uint8], source: Source, parameters: Mapping[str, str]) -> None:
    """Write the kinds of change as segments 1 to 4 of one file; equal inputs give equal bytes.

    Parameters
    ----------
    change
        0 none, 1 new, 2 enlarging, 3 gone, 4 shrinking, on the scan's grid, shape (I, J, K).
    source
        The series, and how it lies to the scan.
    parameters
        What is to be told of the algorithm beside name and version; ``model`` among them where it has learned.

    Raises
    ------
    InputError
        If the series lacks what a segmentation must refer to.
    """
    from highdicom.seg import Segmentation, SegmentationTypeValues
    from pydicom.uid import ExplicitVRLittleEndian

    images = [_filled(image) for image in _source_images(source)]
    labels = _frames(source.order.apply(change), source)
    seed = [
        source.series.uid,
        __version__,
        hashlib.sha256(labels.tobytes()).hexdigest(),
        repr(sorted(parameters.items())),
    ]
    first = images[0]
    try:
        made = Segmentation(
            source_images=images,
            pixel_array=labels,
            segmentation_type=SegmentationTypeValues.BINARY,
            segment_descriptions=[_described(code, parameters) for code in KINDS],
            series_instance_uid=_uid("series", *seed),
            series_number=_SERIES_NUMBER,
            sop_instance_uid=_uid("instance", *seed),
            instance_number=1,
            manufacturer="newlesions",
            manufacturer_model_name="newlesions",
            software_versions=__version__,
            device_serial_number="none",
            content_label="LESION_CHANGE",
            content_description="Lesion change between two visits, for research use only",
            series_description="newlesions: lesion change, for research use only",
            content_qualification="RESEARCH",
            specific_character_set="ISO_IR 192",
            transfer_syntax_uid=ExplicitVRLittleEndian,
            # The moment of writing would make every file another one: the images' own date stands for it.
            **_moments(first),
        )
    except (AttributeError, ValueError) as error:
        found = f"a series {source.series.name} that cannot be referred to ({error})"
        raise InputError(source.series.folder, found, "complete DICOM headers") from error
    for segment, code in zip(made.SegmentSequence, KINDS, strict=True):
        segment.SegmentDescription = _SEGMENTS[code][1]
    _make_steady(made, _uid("organisation", *seed))
    write_atomically(path, lambda temporary: made.save_as(temporary, enforce_file_format=True))


def _source_images(source: Source) -> list[Any]:
    """The headers of the images in the order of the slices; the one file of an enhanced series."""
    import pydicom

    paths = list(dict.fromkeys(plane.path for plane in source.stack.planes))
    return [pydicom.dcmread(path, stop_before_pixels=True) for path in paths]


def _filled(image: Any) -> Any:
    """An image's header with what highdicom reads from it, without remarks on the patient that it would copy."""
    for keyword in _MAY_BE_EMPTY:
        if keyword not in image:
            setattr(image, keyword, "")
    for keyword in _REMARKS:
        if keyword in image:
            delattr(image, keyword)
    return image


def _frames(change: Array, source: Source) -> NDArray[np.uint8]:
    """``change``, axes (column, row, slice), as (frame, row, column) in the order of the source's frames."""
    planes = source.stack.planes
    frames = np.ascontiguousarray(np.transpose(change, (2, 1, 0)), dtype=np.uint8)
    if len({plane.path for plane in planes}) == len(planes):
        return frames
    ordered = np.zeros((len(source.series.planes), *frames.shape[1:]), dtype=np.uint8)
    ordered[[plane.frame for plane in planes]] = frames
    return ordered


def _described(code: int, parameters: Mapping[str, str]) -> Any:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.color import CIELabColor
    from highdicom.seg import SegmentAlgorithmTypeValues, SegmentDescription
    from pydicom.sr.codedict import codes

    segment = SegmentDescription(
        segment_number=code,
        segment_label=_SEGMENTS[code][0],
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.LesionOfBrain,
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=AlgorithmIdentificationSequence(
            name="newlesions, for research use only",
            family=codes.DCM.ArtificialIntelligence if "model" in parameters else codes.DCM.ClusterAnalysis,
            version=__version__,
            source="The newlesions developers",
            parameters={name: _PLAIN.sub("_", value) for name, value in parameters.items()},
        ),
        anatomic_regions=[codes.SCT.Brain],
        display_color=CIELabColor.from_rgb(*bytes.fromhex(COLOURS[KINDS[code]].removeprefix("#"))),
    )
    if code in _CHANGE_CODES:
        segment.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [_coded(code)]
    return segment


def _coded(code: int) -> Any:
    from highdicom.sr import CodedConcept

    value, scheme, meaning = _CHANGE_CODES[code]
    return CodedConcept(value, scheme, meaning)


def _moments(image: Any) -> dict[str, Any]:
    """Date and time of the acquisition, or of what is next to it."""
    moments: dict[str, Any] = {}
    for what, fallback in (("date", "19000101"), ("time", "000000")):
        names = (f"{name}{what.title()}" for name in ("Acquisition", "Content", "Series", "Study"))
        value = next((str(image.get(name)) for name in names if image.get(name)), fallback)
        moments[f"content_{what}"] = moments[f"series_{what}"] = value
    return moments


def _make_steady(made: Any, uid: str) -> None:
    """Replace the random identifier of the order of the frames, and leave out when the file was made."""
    del made.InstanceCreationDate, made.InstanceCreationTime
    for equipment in made.get("ContributingEquipmentSequence", ()):
        if "ContributionDateTime" in equipment:
            del equipment.ContributionDateTime
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid


def _uid(*parts: str) -> str:
    """A UID that equal parts share (in the arc 2.25)."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"
