from __future__ import annotations

from pathlib import Path

import pytest

from dicom.series import simulated_scan, write_series
from newlesions.dicom.convert import convert, harmless
from newlesions.errors import InputError


def test_only_harmless_keys_and_words_are_kept() -> None:
    sidecar = {
        "Modality": "MR", "EchoTime": 0.12, "Manufacturer": "Siemens", "ScanningSequence": "SE\\IR", "FlipAngle": True,
        "SeriesDescription": "MUSTERMANN", "AcquisitionTime": "10:15:00.0", "StationName": "MR1", "RepetitionTime": "9",
        "MRAcquisitionType": "3D of ERIKA", "ImageComments": "x", "PatientName": "x", "SequenceVariant": "SK_SP",
    }  # fmt: skip
    kept = {
        "Modality": "MR", "EchoTime": 0.12, "Manufacturer": "Siemens", "ScanningSequence": "SE\\IR",
        "SequenceVariant": "SK_SP",
    }  # fmt: skip
    assert harmless(sidecar) == kept


@pytest.mark.usefixtures("converter")
def test_a_truncated_image_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("pydicom", reason="the extra `dicom` is not installed: no pydicom")
    from newlesions.dicom.headers import read_series
    from newlesions.dicom.planes import stack

    files = write_series(tmp_path, simulated_scan())
    files[5].write_bytes(files[5].read_bytes()[:-900])
    (series,) = read_series(tmp_path).series
    with pytest.raises(InputError, match=r"found 0 images that dcm2niix made of one series .*not large enough"):
        convert(stack(series.planes))
