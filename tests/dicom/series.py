"""Synthetic DICOM series of a simulated scan: a small head seen through the simulator's scanner."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from newlesions.dicom.headers import Series
from newlesions.images.volume import Volume
from newlesions.simulate.acquisition import Protocol, observe, scan, scan_grid

PRIVATE = ("MUSTERMANN", "ERIKA", "19700131", "DR HAUSE", "KLINIKUM NORD", "CALL ME BACK", "ACC4711", "HOSP-1")
"""What stands in every file and may stand in no output."""

FLAIR = {"EchoTime": 120.0, "RepetitionTime": 9000.0, "InversionTime": 2500.0}
T1 = {"EchoTime": 3.0, "RepetitionTime": 2300.0, "InversionTime": 900.0}

SERIES = Series(
    uid="1", patient="p", birth_date="", sex="", date="20210304", number="5", description="t2_tirm_tra_dark-fluid",
    image_type=frozenset({"ORIGINAL", "PRIMARY", "M"}), body_part="BRAIN", contrast=False, three_dimensional=False,
    echo_time=120.0, repetition_time=9000.0, inversion_time=2500.0, declared=None, folder=Path("f"),
)  # fmt: skip
"""What the header of a FLAIR series says, for tests that need no files."""


@lru_cache
def simulated_scan(codes: str = "LPS", spacing: tuple[float, ...] = (6.0, 6.0, 7.0), seed: int = 0) -> Volume:
    """A head of ellipsoids, different to all sides, in a field of 184 x 244 x 170 mm."""
    places = np.ogrid[-80:84:4, -110:114:4, -80:84:4]
    data = sum((place / half) ** 2 for place, half in zip(places, (66, 86, 62), strict=True)) < 1
    lump = sum((place - c) ** 2 for place, c in zip(places, (30, 45, 25), strict=True)) < 20**2
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = (-80, -110, -80)
    head = Volume((data + 0.6 * lump).astype(np.float32), affine)
    a, b, c = spacing
    protocol = Protocol(codes=codes, spacing=(a, b, c), tilt=(3.0, -2.0, 4.0))
    grid = scan_grid(protocol, np.eye(4), np.array([[-70.0, -100, -60], [70, 70, 70]]))
    bias, noise = (np.random.default_rng([seed, n]) for n in (0, 1))
    return Volume(scan(observe(head, grid, np.eye(4)), grid, protocol, bias, noise), grid.affine)


def write_series(
    folder: Path,
    volume: Volume,
    *,
    number: int = 5,
    description: str = "t2_tirm_tra_dark-fluid",
    date: str = "20210304",
    patient: str = "HOSP-1",
    slices: Iterable[int] | None = None,
    again: Iterable[int] = (),
    **tags: Any,
) -> list[Path]:
    """Write one file per slice of ``volume``, axes (column, row, slice); ``again`` names slices to write twice.

    ``tags`` are further values by keyword. The second writing of a slice has an instance UID of its own.
    """
    chosen = list(range(volume.data.shape[2]) if slices is None else slices)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for n, k in enumerate([*chosen, *again], start=1):
        data = _slice(volume, k, n, number=number, date=date, patient=patient, description=description, **tags)
        paths.append(folder / f"{number:03d}_{n:04d}.dcm")
        data.save_as(paths[-1], enforce_file_format=True)
    return paths


def uid_of(*parts: object) -> str:
    """The same UID for the same parts."""
    from pydicom.uid import generate_uid

    return str(generate_uid(prefix="1.2.826.0.1.3680043.10.999.", entropy_srcs=[str(part) for part in parts]))


def write_enhanced(path: Path, volume: Volume, order: Iterable[int]) -> Path:
    """Write ``volume`` as one enhanced MR image whose frames are its slices in this ``order``."""
    from pydicom.dataset import Dataset

    slices = list(order)
    frames = [_slice(volume, k, n, number=5, date="20210304", patient="HOSP-1") for n, k in enumerate(slices, start=1)]
    data = frames[0]
    shared = Dataset()
    shared.PlaneOrientationSequence = [_part(data, "ImageOrientationPatient")]
    shared.PixelMeasuresSequence = [_part(data, "PixelSpacing", "SliceThickness", "SpacingBetweenSlices")]
    echo, modifier = Dataset(), Dataset()
    echo.EffectiveEchoTime, modifier.InversionTimes = data.EchoTime, [data.InversionTime]
    shared.MREchoSequence, shared.MRModifierSequence = [echo], [modifier]
    shared.MRTimingAndRelatedParametersSequence = [_part(data, "RepetitionTime", "FlipAngle")]
    own = []
    for n, frame in enumerate(frames, start=1):
        group, content = Dataset(), Dataset()
        group.PlanePositionSequence = [_part(frame, "ImagePositionPatient")]
        content.StackID, content.InStackPositionNumber, content.DimensionIndexValues = "1", n, [1, n]
        group.FrameContentSequence = [content]
        own.append(group)
    del data.EchoTime, data.InversionTime, data.RepetitionTime, data.FlipAngle, data.SliceThickness
    del data.SpacingBetweenSlices, data.ImagePositionPatient, data.ImageOrientationPatient, data.PixelSpacing
    data.SharedFunctionalGroupsSequence, data.PerFrameFunctionalGroupsSequence = [shared], own
    data.NumberOfFrames, data.PixelData = len(slices), b"".join(frame.PixelData for frame in frames)
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return path


def _part(data: Any, *keywords: str) -> Any:
    """A dataset with some elements of another one."""
    from pydicom.dataset import Dataset

    part = Dataset()
    for keyword in keywords:
        setattr(part, keyword, data[keyword].value)
    return part


def _slice(
    volume: Volume,
    k: int,
    n: int,
    *,
    number: int,
    date: str,
    patient: str,
    description: str = "t2_tirm_tra_dark-fluid",
    **values: Any,
) -> Any:
    """Slice ``k`` of ``volume`` as image ``n`` of its series."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    spacing = volume.spacing
    axes = np.diag([-1, -1, 1]) @ volume.affine[:3, :3] / spacing
    data = Dataset()
    data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    data.SOPInstanceUID = uid_of(patient, date, number, n)
    data.StudyInstanceUID = uid_of(patient, date)
    data.SeriesInstanceUID = uid_of(patient, date, number)
    data.FrameOfReferenceUID = uid_of(patient, date, "frame")
    data.PositionReferenceIndicator = ""
    data.PatientID, data.PatientName = patient, "MUSTERMANN^ERIKA"
    data.PatientBirthDate, data.PatientSex = "19700131", "F"
    data.PatientComments, data.ImageComments = "CALL ME BACK", "CALL ME BACK"
    data.ReferringPhysicianName, data.InstitutionName = "DR HAUSE", "KLINIKUM NORD"
    data.AccessionNumber, data.StudyID = "ACC4711", "1"
    data.StudyDate = data.SeriesDate = data.AcquisitionDate = data.ContentDate = date
    data.StudyTime = data.SeriesTime = data.AcquisitionTime = data.ContentTime = "101500"
    data.Modality, data.Manufacturer, data.ManufacturerModelName = "MR", "SIEMENS", "Prisma of DR HAUSE"
    data.StudyDescription, data.ProtocolName = "MUSTERMANN brain", description
    data.SeriesDescription, data.SeriesNumber, data.InstanceNumber = description, number, n
    data.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
    data.ScanningSequence, data.SequenceVariant, data.MRAcquisitionType = ["SE", "IR"], ["SK", "SP"], "2D"
    data.ScanOptions, data.EchoTrainLength, data.FlipAngle, data.MagneticFieldStrength = "", 16, 150.0, 3.0
    data.SliceThickness, data.SpacingBetweenSlices = round(float(spacing[2]) * 0.8, 3), round(float(spacing[2]), 6)
    data.ImagePositionPatient = [f"{x:.6f}" for x in np.diag([-1, -1, 1]) @ (volume.affine @ [0, 0, k, 1])[:3]]
    data.ImageOrientationPatient = [f"{x:.8f}" for x in (*axes[:, 0], *axes[:, 1])]
    data.PixelSpacing = [f"{spacing[1]:.6f}", f"{spacing[0]:.6f}"]
    data.Columns, data.Rows = volume.data.shape[:2]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 1
    data.PixelData = np.ascontiguousarray(volume.data[:, :, k].T).astype("<i2").tobytes()
    for keyword, value in {**FLAIR, **values}.items():
        setattr(data, keyword, value)
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    return data
