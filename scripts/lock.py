"""Write the lock files of envs/ from the packages of the running environment."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

ENVS = Path(__file__).parents[1] / "envs"
CPU = """\
# Exact versions of the default (CPU) installation, development tools included; written by `make lock`.
# torch comes first and is installed first, so that the build at hand is taken and nothing pulls in another.
"""
GPU = """\
# Exact versions for a machine with an NVIDIA GPU: the pins of requirements-cpu.txt and the CUDA 13 packages that PyPI's
# Linux build of the same torch asks for. cuda-toolkit pins the CUDA libraries it brings; written by `make lock`.
"""
# From the metadata of torch 2.13.0's manylinux build on PyPI; to be read again when torch changes.
CUDA = [
    "cuda-bindings==13.5.0",
    "cuda-pathfinder==1.9.0",
    "cuda-toolkit==13.0.3.0",
    "nvidia-cudnn-cu13==9.20.0.48",
    "nvidia-cusparselt-cu13==0.8.1",
    "nvidia-nccl-cu13==2.29.7",
    "nvidia-nvshmem-cu13==3.4.5",
    "triton==3.7.1",
]
CONDA = """\
# The rules' environment under `snakemake --sdm conda`: what pyproject.toml asks for, in the versions of
# requirements-cpu.txt; written by `make lock`. Without that flag the rules run in the environment of Snakemake itself.
name: newlesions
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip
  - pip:
"""
LEFT_OUT = {"pip", "newlesions"}


def pins() -> tuple[str, list[str]]:
    """torch's pin without its build's suffix (+cpu), and all other pins, sorted."""
    versions = {distribution.metadata["Name"]: distribution.version for distribution in metadata.distributions()}
    torch = versions.pop("torch").split("+")[0]
    names = sorted((name for name in versions if name not in LEFT_OUT), key=str.lower)
    return f"torch=={torch}", [f"{name}=={versions[name]}" for name in names]


def direct() -> list[str]:
    """The pins of the packages that pyproject.toml names, in its order."""
    project = tomllib.loads((ENVS.parent / "pyproject.toml").read_text())["project"]
    names = [re.split(r"[<>=!~\[]", dependency)[0] for dependency in project["dependencies"]]
    return [f"{name}=={metadata.version(name).split('+')[0]}" for name in names]


def main() -> None:
    """Write the lock files for a CPU and for a GPU, and the conda environment."""
    torch, others = pins()
    for name, head, more in (("cpu", CPU, []), ("gpu", GPU, CUDA)):
        lines = sorted([*others, *more], key=str.lower)
        (ENVS / f"requirements-{name}.txt").write_text("\n".join([torch, *head.splitlines(), *lines]) + "\n")
    (ENVS / "environment.yaml").write_text(CONDA + "".join(f"      - {pin}\n" for pin in direct()))


if __name__ == "__main__":
    main()
