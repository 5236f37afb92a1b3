from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import newlesions
from newlesions import house
from newlesions.errors import ConfigError


def test_root_of_a_checkout_holds_the_snakefile() -> None:
    assert (house.root() / "Snakefile").is_file()


def test_root_of_an_installed_package_is_the_copy_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages" / "newlesions"
    (package / "_house" / "workflow").mkdir(parents=True)
    (package / "_house" / "workflow" / "Snakefile").touch()
    monkeypatch.setattr(house, "__file__", str(package / "house.py"))
    assert house.root() == package / "_house"


def test_an_incomplete_installation_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house, "__file__", str(tmp_path / "a" / "b" / "house.py"))
    with pytest.raises(ConfigError, match="expected a checkout or a complete wheel"):
        house.root()


def test_profile_by_name_and_by_path(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("cores: 1\n")
    assert house.profile("workstation") == house.root() / "profiles" / "workstation"
    assert house.profile(str(tmp_path)) == tmp_path
    with pytest.raises(ConfigError, match="expected one of default, slurm, workstation"):
        house.profile("nonesuch")


def test_the_wheel_carries_the_workflow(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(
        house.root(), checkout, ignore=shutil.ignore_patterns(".*", "demo", "results", "tests", "__pycache__", "build")
    )
    words = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet", "-w", str(tmp_path)]
    subprocess.run([*words, str(checkout)], check=True, capture_output=True)
    wheel = next(tmp_path.glob(f"newlesions-{newlesions.__version__}-*.whl"))
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in ("Snakefile", "workflow/Snakefile", "workflow/scripts/step.py", "config/config.yaml"):
        assert f"newlesions/_house/{path}" in names
    for path in (
        "profiles/default/config.yaml",
        "workflow/schemas/pairs.schema.json",
        "config/recipes/subtraction.yaml",
    ):
        assert f"newlesions/_house/{path}" in names
    assert {"newlesions/cli.py", "newlesions/py.typed", "newlesions/report/templates/pair.html.jinja"} <= names
