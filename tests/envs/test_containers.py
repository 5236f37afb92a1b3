"""The recipes of the two containers install the same, and what they copy is enough to install from."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "envs" / "Dockerfile").read_text()
APPTAINER = (ROOT / "envs" / "newlesions.def").read_text()


def section(name: str) -> list[str]:
    """The lines of a section of the Apptainer recipe, its build argument at its default."""
    (default,) = re.findall(r"^    LOCK=(\w+)$", APPTAINER, re.MULTILINE)
    text = APPTAINER.partition(f"%{name}\n")[2].partition("\n%")[0].replace("{{ LOCK }}", default)
    return [line.strip() for line in text.splitlines() if line.strip()]


def copied() -> dict[str, str]:
    """What the Apptainer recipe copies, and where to."""
    return dict(line.split() for line in section("files"))


def test_both_begin_with_the_same_image() -> None:
    assert re.findall(r"^FROM (.+)$", DOCKERFILE, re.MULTILINE) == re.findall(r"^From: (.+)$", APPTAINER, re.MULTILINE)


def test_both_install_by_the_same_commands() -> None:
    docker = re.findall(r"^RUN (.+)$", DOCKERFILE, re.MULTILINE)
    assert docker
    assert [line for line in section("post") if line.startswith("pip")] == docker


def test_both_run_the_command_line() -> None:
    assert 'ENTRYPOINT ["newlesions"]' in DOCKERFILE
    assert section("runscript") == ['exec newlesions "$@"']


@pytest.mark.parametrize("lock", ["cpu", "gpu"])
def test_there_is_a_lock_for_each_build_argument(lock: str) -> None:
    first, *_ = (ROOT / "envs" / f"requirements-{lock}.txt").read_text().splitlines()
    assert first.startswith("torch==")


def test_what_is_copied_exists_and_keeps_its_place() -> None:
    for source, target in copied().items():
        assert (ROOT / source).exists()
        assert target == f"/app/{source}"


def test_what_is_copied_holds_all_that_the_build_takes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = [*wheel["force-include"], *wheel["packages"], *project["project"]["license-files"]]
    needed += ["pyproject.toml", project["project"]["readme"], project["tool"]["hatch"]["version"]["path"]]
    assert {Path(name).parts[0] for name in needed} <= copied().keys()


@pytest.mark.slow
def test_what_is_copied_can_be_installed(tmp_path: Path) -> None:
    for source in copied():
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        copy(ROOT / source, tmp_path / source)
    words = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", "wheels", "."]
    subprocess.run(words, check=True, cwd=tmp_path)
    (wheel,) = (tmp_path / "wheels").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"newlesions/_house/Snakefile", "newlesions/_house/profiles/slurm/site.yaml"} <= set(names)
