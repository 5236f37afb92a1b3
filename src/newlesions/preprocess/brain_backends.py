"""Brain extraction by other programs, where they are installed. None of them is needed, and none is downloaded."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from newlesions.errors import ConfigError
from newlesions.images.io import read_volume, write_volume
from newlesions.images.volume import Volume
from newlesions.offline import quiet_nipype
from newlesions.preprocess.ants_images import scratch

OWN = ("atlas", "otsu")
"""The backends of this package, which need nothing."""


def require(backend: str) -> None:
    """Raise ConfigError if ``backend`` is unknown or lacks something; those of `OWN` need nothing."""
    missing = "" if backend in OWN else missing_for(backend)
    if missing:
        raise ConfigError(f"brain.backend is {backend}, which needs {missing}")


def extract_with(backend: str, volume: Volume) -> Volume:
    """The brain mask (bool, grid of ``volume``) from ``bet``, ``hd-bet``, ``robex`` or ``synthstrip``.

    Raises
    ------
    ConfigError
        If the backend is unknown, or something it needs is missing; the message says what and where it comes from.
    """
    require(backend)
    with scratch() as folder:
        image, mask = folder / "flair.nii.gz", folder / "brain_mask.nii.gz"
        write_volume(image, volume, level=1)
        BACKENDS[backend](image, mask)
        if not mask.is_file():
            raise RuntimeError(f"{backend} ended without writing a brain mask")
        return volume.with_data(read_volume(mask).data > 0.5)


def missing_for(backend: str) -> str:
    """What ``backend`` needs and this machine lacks, in words; empty when all is there.

    Raises
    ------
    ConfigError
        If the backend is unknown.
    """
    if backend not in BACKENDS:
        raise ConfigError(f"brain.backend is {backend!r}; expected {', '.join(OWN)}, {', '.join(BACKENDS)}")
    program, source, package, extra = _NEEDS[backend]
    missing = []
    if shutil.which(program) is None:
        missing.append(f"{program} on the PATH ({source})")
    if backend == "bet" and not os.environ.get("FSLDIR"):
        missing.append("$FSLDIR set, where fslpy looks for FSL")
    if importlib.util.find_spec(package) is None:
        missing.append(f"`pip install newlesions[{extra}]`")
    return " and ".join(missing)


def _bet(image: Path, mask: Path) -> None:
    from fsl.wrappers import bet

    # Robust centre and no skull image; bet names the mask after its output.
    bet(str(image), str(mask).replace("_mask.nii.gz", ".nii.gz"), mask=True, robust=True)


def _hd_bet(image: Path, mask: Path) -> None:
    quiet_nipype()
    from nipype.interfaces.base import CommandLine

    output = mask.with_name("stripped.nii.gz")
    CommandLine("hd-bet", args=f"-i {image} -o {output} -device cpu --disable_tta --save_bet_mask").run()
    written = mask.with_name("stripped_bet.nii.gz")
    if written.is_file():
        written.replace(mask)


def _synthstrip(image: Path, mask: Path) -> None:
    quiet_nipype()
    from nipype.interfaces.base import CommandLine

    CommandLine("mri_synthstrip", args=f"-i {image} -m {mask}").run()


def _robex(image: Path, mask: Path) -> None:
    quiet_nipype()
    from nipype.interfaces.base import CommandLine

    CommandLine("runROBEX.sh", args=f"{image} {mask.with_name('stripped.nii.gz')} {mask}").run()


BACKENDS: dict[str, Callable[[Path, Path], None]] = {
    "bet": _bet,
    "hd-bet": _hd_bet,
    "robex": _robex,
    "synthstrip": _synthstrip,
}

# Program, where it comes from, Python package, and the extra of this project that brings it.
_NEEDS = {
    "bet": ("bet", "FSL, https://fsl.fmrib.ox.ac.uk", "fsl", "bet"),
    "hd-bet": ("hd-bet", "version 2, `pip install hd-bet` in an environment of its own", "nipype", "nipype"),
    "robex": ("runROBEX.sh", "ROBEX 1.2, https://www.nitrc.org/projects/robex", "nipype", "nipype"),
    "synthstrip": ("mri_synthstrip", "FreeSurfer 7.3 or newer, https://freesurfer.net", "nipype", "nipype"),
}
