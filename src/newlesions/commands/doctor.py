"""``newlesions doctor``: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import sys
from importlib import metadata

from newlesions import __version__, house
from newlesions.commands.results_table import aligned
from newlesions.dicom.needs import missing_for as lacks
from newlesions.errors import ConfigError
from newlesions.networks.nnunet import is_installed
from newlesions.preprocess.brain_backends import BACKENDS, missing_for
from newlesions.preprocess.cord import missing_for_sct
from newlesions.preprocess.samseg import missing_for_samseg
from newlesions.processes import cores_of
from newlesions.report.pdf import find_browser
from newlesions.versions import LIBRARIES

_IMPORTS = (
    "ants", "cc3d", "lightgbm", "monai", "nibabel", "nilearn", "safetensors", "scipy.ndimage", "skimage", "torch",
)  # fmt: skip
"""Libraries with compiled parts: importing them shows a missing shared library."""


def command(args: argparse.Namespace) -> int:
    """Print versions, libraries that cannot be imported, optional tools, and resources."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    print(f"newlesions {__version__}, Python {sys.version.split()[0]}, {cores_of()} cores, {memory:.0f} GiB of memory")
    print(f"workflow   {house.root()}\n")
    print(aligned([[name, metadata.version(name)] for name in LIBRARIES]) + "\n")
    broken = [line for name in _IMPORTS if (line := _fault(name))]
    if broken:
        raise ConfigError("; ".join(broken))
    print(f"all {len(_IMPORTS)} compiled libraries load; torch {_torch()}\n")
    print(aligned([["optional", "serves", "state"], *_optional()]))
    return 0


def _fault(module: str) -> str:
    """Why ``module`` cannot be imported; "" if it can."""
    try:
        importlib.import_module(module)
    except (ImportError, OSError) as error:
        return f"{module}: found {error}; expected an import that works"
    return ""


def _torch() -> str:
    import torch

    return f"sees {torch.cuda.device_count()} GPU(s)" if torch.cuda.is_available() else "runs on the CPU"


def _no_browser() -> str:
    try:
        find_browser()
    except ConfigError:
        return "a browser on the PATH (Debian: apt-get install chromium), or its path in $CHROME_PATH"
    return ""


def _optional() -> list[list[str]]:
    """A row per optional tool: its name, what it serves, and whether it is there."""
    rows = [[name, f"brain.backend: {name}", missing_for(name)] for name in BACKENDS]
    rows += [["sct", "brain.cord: sct", missing_for_sct()]]
    rows += [["samseg", "candidates.tissue: samseg", missing_for_samseg()]]
    nnunet = "" if is_installed() else "the package nnunetv2 (pip install 'newlesions[nnunet]')"
    rows.append(["nnunetv2", "recipes martinezheras2023 and masson2021", nnunet])
    rows.append(["sbatch", "SLURM", "" if shutil.which("sbatch") else "a node of the cluster that may submit jobs"])
    rows.append(["dcm2niix", "newlesions dicom", lacks("pydicom", "nipype", "dcm2niix")])
    rows.append(["highdicom", "newlesions dicom-seg", lacks("pydicom", "highdicom")])
    rows.append(["chromium", "newlesions report --pdf", _no_browser()])
    return [[name, serves, f"missing: {lack}" if lack else "found"] for name, serves, lack in rows]
