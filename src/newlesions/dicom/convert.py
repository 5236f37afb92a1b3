"""One series as a NIfTI image and a sidecar of harmless keys, by dcm2niix through nipype."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from newlesions.dicom.match import nearest_order
from newlesions.dicom.planes import TOLERANCE_MM, Stack
from newlesions.errors import InputError
from newlesions.images.files import read_json
from newlesions.images.volume import Volume
from newlesions.offline import quiet_nipype

_NUMBERS = (
    "MagneticFieldStrength", "EchoTime", "RepetitionTime", "InversionTime", "FlipAngle", "SliceThickness",
    "SpacingBetweenSlices", "EchoTrainLength", "PixelBandwidth", "ParallelReductionFactorInPlane",
)  # fmt: skip
_WORDS = {
    "Modality": re.compile("MR"),
    "Manufacturer": re.compile("GE|Siemens|Philips|Toshiba|Canon|UIH|Hitachi|Bruker|Mediso|MRSolutions|Hyperfine"),
    "MRAcquisitionType": re.compile("[23]D"),
    "ScanningSequence": re.compile(r"(SE|IR|GR|EP|RM)([_\\](SE|IR|GR|EP|RM))*"),
    "SequenceVariant": re.compile(r"(SK|MTC|SS|TRSS|SP|MP|OSP|NONE)([_\\](SK|MTC|SS|TRSS|SP|MP|OSP|NONE))*"),
}
"""Keys whose values are words, and all the words they may be: what a person typed fits none."""


def convert(stack: Stack) -> tuple[Volume, dict[str, Any]]:
    """The image and the sidecar of one series.

    Values keep their integer type where the header has no scaling; they are float32 otherwise.

    Raises
    ------
    InputError
        If dcm2niix fails, makes more or less than one image, or one that lies elsewhere than the headers say.
    """
    files = list(dict.fromkeys(plane.path for plane in stack.planes))
    where = files[0].parent
    with tempfile.TemporaryDirectory(prefix="newlesions-dicom-") as name:
        source, made = Path(name, "dicom"), Path(name, "nifti")
        source.mkdir()
        made.mkdir()
        for number, path in enumerate(files):
            (source / f"{number:06d}.dcm").symlink_to(path.absolute())
        said = _dcm2niix(where, source, made)
        images = sorted(made.glob("*.nii"))
        if len(images) != 1:
            found = f"{len(images)} images that dcm2niix made of one series ({_complaint(said)})"
            raise InputError(where, found, "one")
        volume = _read(images[0])
        if volume.data.ndim != 3:
            raise InputError(where, f"an image with {volume.data.ndim} axes made by dcm2niix", "3")
        apart = nearest_order(volume.grid, stack.grid)[1]
        if apart > TOLERANCE_MM:
            raise InputError(
                where, f"an image by dcm2niix {apart:.2f} mm off its headers", f"at most {TOLERANCE_MM} mm"
            )
        return volume, harmless(read_json(images[0].with_suffix(".json")))


def harmless(sidecar: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of ``sidecar`` that tell of the acquisition and nothing of patient, place, people or time."""
    kept: dict[str, Any] = {}
    for key, value in sidecar.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if (key in _NUMBERS and number) or (key in _WORDS and _WORDS[key].fullmatch(str(value))):
            kept[key] = value
    return kept


def _dcm2niix(where: Path, source: Path, made: Path) -> str:
    """Run the program on ``source``; what it prints."""
    quiet_nipype()
    from nipype.interfaces.dcm2nii import Dcm2niix

    run = Dcm2niix(
        source_dir=str(source),
        output_dir=str(made),
        out_filename="image",
        compress="n",
        bids_format=True,
        anon_bids=True,
        args="-g i",  # a defaults file in the user's home would change the result
        terminal_output="allatonce",
    )
    try:
        return str(run.run(cwd=str(made)).runtime.stdout)
    except RuntimeError as error:  # its message holds all that the program printed
        raise InputError(where, f"a series that dcm2niix refuses ({_complaint(str(error))})", "a whole one") from error


def _complaint(said: str) -> str:
    """The first fault that dcm2niix names, without the paths of the scratch folder."""
    lines = (line.strip() for line in said.splitlines())
    first = next((line for line in lines if line.startswith(("Error", "Unable", "Warning"))), "it gives no reason")
    return re.sub(r"\S*/\S*", "a file", first)


def _read(path: Path) -> Volume:
    image = nib.load(path)
    data = np.asanyarray(image.dataobj)
    if not np.issubdtype(data.dtype, np.integer):
        data = data.astype(np.float32)
    return Volume(np.array(data), np.asarray(image.affine, dtype=np.float64))
