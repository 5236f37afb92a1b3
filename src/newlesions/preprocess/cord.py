"""The upper spinal cord, which brain extraction leaves out: what of it a head scan shows, added to the brain's mask."""

from __future__ import annotations

import importlib.util
import shutil

import numpy as np
from scipy import ndimage

from newlesions.errors import ConfigError
from newlesions.images.grid import coarser_grid
from newlesions.images.io import read_volume, write_volume
from newlesions.images.morphology import Mask, dilate
from newlesions.images.resample import resample
from newlesions.images.volume import Volume
from newlesions.offline import quiet_nipype
from newlesions.preprocess.ants_images import scratch

WAYS = ("none", "connected", "sct")
"""What ``brain.cord`` can be."""

AROUND = 2.0
"""How far the cord's mask is dilated before it joins the brain's, mm."""

_FINE = 1.0  # mm
_STEM = 12.0  # mm of the brain's lower end, whose tissue tells what the cord looks like and where it begins
_DARKEST, _BRIGHTEST = 0.6, 1.5  # shares of that tissue's median
_LEAST, _MOST = 20, 220  # mm2 of a cross-section; a cervical cord has 60 to 110, the medulla's end up to 200
_SLIDE = 1.5  # mm that a cross-section's edge may lie outside the one above it


def require_cord(way: str) -> None:
    """Raise ConfigError if ``way`` is unknown or lacks a program; ``none`` and ``connected`` need nothing."""
    if way not in WAYS:
        raise ConfigError(f"brain.cord is {way!r}; expected one of {', '.join(WAYS)}")
    missing = missing_for_sct() if way == "sct" else ""
    if missing:
        raise ConfigError(f"brain.cord is sct, which needs {missing}; connected needs nothing")


def missing_for_sct() -> str:
    """What the Spinal Cord Toolbox's way needs and this machine lacks, in words; empty when all is there."""
    missing = []
    if shutil.which("sct_deepseg_sc") is None:
        missing.append("sct_deepseg_sc on the PATH (Spinal Cord Toolbox, https://spinalcordtoolbox.com)")
    if importlib.util.find_spec("nipype") is None:
        missing.append("`pip install newlesions[nipype]`")
    return " and ".join(missing)


def with_cord(volume: Volume, brain: Volume, way: str) -> Volume:
    """The brain's mask (bool, the grid of ``volume``) joined with that of the cord, dilated by `AROUND`.

    Raises
    ------
    ConfigError
        As `require_cord`.
    """
    require_cord(way)
    if way == "none":
        return brain
    cord = _by_sct(volume) if way == "sct" else connected_cord(volume, brain)
    return brain.with_data(brain.data | dilate(cord, AROUND, volume.spacing))


def connected_cord(volume: Volume, brain: Volume) -> Mask:
    """The cord as tissue that goes on below the brain, slice by slice; empty where nothing does.

    From the brain's lowest end downwards (on 1 mm axial slices) a cross-section is what is as bright as the tissue
    there and lies within that above it, or at most `_SLIDE` mm outside; it is opened, so that bridges to nerve roots
    and muscle break, and the piece that overlaps most stays. The cord ends where a cross-section is smaller or larger
    than one can be. Its surroundings in a FLAIR, cerebrospinal fluid, are dark.

    Parameters
    ----------
    volume
        The bias-corrected scan.
    brain
        Its brain mask, bool, on the same grid.

    Returns
    -------
    Mask
        Without the brain, on the grid of ``volume``.
    """
    grid = coarser_grid(volume.grid, _FINE)
    image = resample(volume, grid, order=1).data
    inside = resample(brain.with_data(brain.data.astype(np.float32)), grid, order=1).data >= 0.5
    end = _lower_end(inside)
    if end is None:
        return np.zeros(volume.data.shape, np.bool_)
    lowest, section = end
    stem = inside[:, :, lowest : lowest + round(_STEM / _FINE)]
    level = float(np.median(image[:, :, lowest : lowest + round(_STEM / _FINE)][stem]))
    tissue = (image > _DARKEST * level) & (image < _BRIGHTEST * level)
    cord = np.zeros(inside.shape, np.bool_)
    for k in range(lowest - 1, -1, -1):
        found = _next_section(section, tissue[:, :, k])
        if not _LEAST <= found.sum() * _FINE**2 <= _MOST:
            break
        cord[:, :, k] = section = found
    own = resample(Volume(cord.astype(np.float32), grid.affine), volume.grid, order=1).data >= 0.5
    return np.asarray(own & ~brain.data)


def _lower_end(brain: Mask) -> tuple[int, Mask] | None:
    """The lowest slice in which the brain's mask is not too small for a cord, and its largest section there.

    None where the field of view ends within the brain.
    """
    area = brain.sum((0, 1)) * _FINE**2
    some = np.flatnonzero(area >= _LEAST)
    if not len(some) or some[0] == 0:
        return None
    lowest = int(some[0])
    labels, count = ndimage.label(brain[:, :, lowest])
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    section = labels == 1 + int(sizes.argmax())
    return lowest, section


def _next_section(above: Mask, tissue: Mask) -> Mask:
    near = tissue & dilate(above[:, :, None], _SLIDE, _FINE)[:, :, 0]
    opened = ndimage.binary_opening(near, ndimage.generate_binary_structure(2, 1), iterations=2)
    labels, count = ndimage.label(opened)
    if count == 0:
        return opened
    overlap = np.bincount(labels[above], minlength=count + 1)
    overlap[0] = 0
    return np.asarray(labels == overlap.argmax()) if overlap.any() else np.zeros_like(opened)


def _by_sct(volume: Volume) -> Mask:
    quiet_nipype()
    from nipype.interfaces.base import CommandLine

    with scratch() as folder:
        image, mask = folder / "flair.nii.gz", folder / "cord.nii.gz"
        write_volume(image, volume, level=1)
        CommandLine("sct_deepseg_sc", args=f"-i {image} -c t2 -o {mask}").run()
        if not mask.is_file():
            raise RuntimeError("sct_deepseg_sc ended without writing a mask of the cord")
        return np.asarray(read_volume(mask).data > 0.5)
