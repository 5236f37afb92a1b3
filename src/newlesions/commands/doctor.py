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
from newlesions.errors import ConfigError
from newlesions.provenance import LIBRARIES

_IMPORTS = ("ants", "cc3d", "lightgbm", "monai", "nibabel", "nilearn", "scipy.ndimage", "skimage", "torch")
"""Libraries with compiled parts: importing them shows a missing shared library."""

_TOOLS = {
    "bet": ("brain.backend: bet", "FSL (https://fsl.fmrib.ox.ac.uk), and `pip install newlesions[bet]`"),
    "hd-bet": ("brain.backend: hd-bet", "`pip install hd-bet` in an environment of its own, on PATH"),
    "mri_synthstrip": ("brain.backend: synthstrip", "FreeSurfer 7.3 or newer (https://freesurfer.net), on PATH"),
    "sbatch": ("SLURM", "run on a node of the cluster that may submit jobs"),
}


def command(args: argparse.Namespace) -> int:
    """Print versions, libraries that cannot be imported, optional tools, and resources."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"newlesions {__version__}, Python {sys.version.split()[0]}, {cores} cores, {memory:.0f} GiB of memory")
    print(f"workflow   {house.root()}\n")
    print(aligned([[name, metadata.version(name)] for name in LIBRARIES]) + "\n")
    broken = [line for name in _IMPORTS if (line := _fault(name))]
    if broken:
        raise ConfigError("; ".join(broken))
    print(f"all {len(_IMPORTS)} compiled libraries load; torch {_torch()}\n")
    print(aligned([["optional", "serves", "state"], *(_tool(name) for name in _TOOLS)]))
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


def _tool(name: str) -> list[str]:
    serves, source = _TOOLS[name]
    path = shutil.which(name)
    return [name, serves, f"found: {path}" if path else f"missing; to get it: {source}"]
