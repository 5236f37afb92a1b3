"""Longitudinal SAMSEG of FreeSurfer, where it is installed: tissue and lesions of both visits of a pair.

Cerri et al., An open-source tool for longitudinal whole-brain and white matter lesion segmentation (NeuroImage:
Clinical 38:103354, 2023). It is neither needed nor downloaded.
"""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from newlesions.errors import ConfigError
from newlesions.images.io import read_volume, write_volume
from newlesions.images.resample import resample
from newlesions.images.volume import Volume
from newlesions.offline import quiet_nipype
from newlesions.preprocess.ants_images import scratch

PROGRAM = "run_samseg_long"


def missing_for_samseg() -> str:
    """What SAMSEG needs and this machine lacks, in words; empty when all is there."""
    missing = []
    if shutil.which(PROGRAM) is None:
        missing.append(f"{PROGRAM} on the PATH (FreeSurfer 7.3 or newer, https://freesurfer.net)")
    if importlib.util.find_spec("nipype") is None:
        missing.append("`pip install newlesions[nipype]`")
    return " and ".join(missing)


def require_tissue(source: str) -> None:
    """Raise ConfigError if ``candidates.tissue`` is ``samseg`` and that lacks something."""
    missing = missing_for_samseg() if source == "samseg" else ""
    if missing:
        raise ConfigError(f"candidates.tissue is samseg, which needs {missing}; mni needs nothing")


def tissue_source(source: str) -> str:
    """``candidates.tissue`` with ``auto`` decided: ``samseg`` where it is installed, else ``mni``."""
    if source != "auto":
        return source
    return "mni" if missing_for_samseg() else "samseg"


def segment_pair(baseline: Volume, followup: Volume, threads: int = 1) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """FreeSurfer's labels of both visits on their grid, each int32, (I, J, K).

    Parameters
    ----------
    baseline, followup
        FLAIRs of the whole head on one grid, not skull-stripped: SAMSEG's atlas has what surrounds the brain.

    Raises
    ------
    ConfigError
        If SAMSEG is not installed.
    RuntimeError
        If it ended without its result.
    """
    require_tissue("samseg")
    quiet_nipype()
    from nipype.interfaces.base import CommandLine

    with scratch() as folder:
        paths = [folder / "baseline.nii.gz", folder / "followup.nii.gz"]
        for path, volume in zip(paths, (baseline, followup), strict=True):
            write_volume(path, volume, level=1)
        points = " ".join(f"--timepoint {path}" for path in paths)
        words = f"{points} --lesion --lesion-mask-pattern 1 --output {folder / 'out'} --threads {threads}"
        CommandLine(PROGRAM, args=words).run()
        first, second = (_labels(folder / "out" / f"tp{n:03d}" / "seg.mgz", baseline) for n in (1, 2))
        return first, second


def _labels(path: Path, like: Volume) -> NDArray[np.int32]:
    if not path.is_file():
        raise RuntimeError(f"{PROGRAM} ended without writing {path.parent.name}/{path.name}")
    found = read_volume(path, np.float32)
    same = found.grid.matches(like.grid)
    return np.asarray(np.rint((found if same else resample(found, like.grid, order=0)).data), np.int32)
