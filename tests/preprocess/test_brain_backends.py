"""Backends with programs of the right name that take the right arguments and find the middle of any image."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from newlesions.errors import ConfigError
from newlesions.images.volume import Volume
from newlesions.preprocess import brain_backends
from newlesions.preprocess.brain_backends import BACKENDS, extract_with, missing_for, require

VOLUME = Volume(np.arange(1000, dtype=np.float32).reshape(10, 10, 10), np.diag([-2.0, 2.0, 3.0, 1.0]))
MIDDLE = np.zeros((10, 10, 10), dtype=bool)
MIDDLE[3:7, 3:7, 3:7] = True

# `{option}` names the output after which the mask is called `{suffix}`.
_PROGRAM = """#!{python}
import sys
import nibabel as nib
import numpy as np
words = sys.argv[1:]
image = nib.load(words[words.index("-i") + 1])
mask = np.zeros(image.shape, np.uint8)
mask[3:7, 3:7, 3:7] = 1
out = words[words.index("{option}") + 1].replace(".nii.gz", "{suffix}.nii.gz")
nib.Nifti1Image(mask, image.affine).to_filename(out)
"""
needs_nipype = pytest.mark.skipif(importlib.util.find_spec("nipype") is None, reason="nipype is not installed")


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any of the programs, and the one folder on its PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("FSLDIR", raising=False)
    return folder


def install(folder: Path, name: str, option: str = "-m", suffix: str = "") -> None:
    program = folder / name
    program.write_text(_PROGRAM.format(python=sys.executable, option=option, suffix=suffix))
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        ("bet", ["bet on the PATH", "fsl.fmrib.ox.ac.uk", "$FSLDIR"]),
        ("hd-bet", ["hd-bet on the PATH", "pip install hd-bet"]),
        ("robex", ["runROBEX.sh on the PATH", "nitrc.org/projects/robex"]),
        ("synthstrip", ["mri_synthstrip on the PATH", "FreeSurfer"]),
    ],
)
def test_what_is_missing_is_named_with_its_source(bare: Path, backend: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        extract_with(backend, VOLUME)
    message = str(caught.value)
    assert message.startswith(f"brain.backend is {backend}, which needs ")
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(("backend", "extra"), [("bet", "bet"), ("hd-bet", "nipype"), ("robex", "nipype")])
def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    bare: Path, monkeypatch: pytest.MonkeyPatch, backend: str, extra: str
) -> None:
    for name in ("bet", "hd-bet", "runROBEX.sh"):
        install(bare, name)
    monkeypatch.setenv("FSLDIR", str(bare))
    monkeypatch.setattr(brain_backends.importlib.util, "find_spec", lambda _: None)
    assert missing_for(backend) == f"`pip install newlesions[{extra}]`"
    monkeypatch.setattr(brain_backends.importlib.util, "find_spec", lambda _: object())
    assert missing_for(backend) == ""


def test_the_extras_are_those_of_the_project() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert {need[-1] for need in brain_backends._NEEDS.values()} <= project["optional-dependencies"].keys()


def test_the_atlas_needs_nothing(bare: Path) -> None:
    require("atlas")


def test_an_unknown_backend_is_named() -> None:
    known = "expected atlas, otsu, bet, hd-bet, robex, synthstrip"
    with pytest.raises(ConfigError, match=rf"brain\.backend is 'magic'; {known}"):
        extract_with("magic", VOLUME)


@pytest.mark.parametrize("backend", list(BACKENDS))
def test_the_mask_comes_back_on_the_scans_grid(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    """Whatever the program is: image in, mask out, files gone."""
    seen: list[Path] = []

    def program(image: Path, mask: Path) -> None:
        import nibabel as nib

        seen.append(image)
        loaded = nib.load(image)
        np.testing.assert_array_equal(np.asanyarray(loaded.dataobj), VOLUME.data)
        nib.Nifti1Image(MIDDLE.astype(np.uint8), loaded.affine).to_filename(mask)

    monkeypatch.setattr(brain_backends, "missing_for", lambda _: "")
    monkeypatch.setitem(BACKENDS, backend, program)
    found = extract_with(backend, VOLUME)
    np.testing.assert_array_equal(found.data, MIDDLE)
    assert found.data.dtype == bool
    np.testing.assert_array_equal(found.affine, VOLUME.affine)
    assert not seen[0].exists()


def test_a_program_that_writes_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brain_backends, "missing_for", lambda _: "")
    monkeypatch.setitem(BACKENDS, "bet", lambda image, mask: None)
    with pytest.raises(RuntimeError, match="bet ended without writing a brain mask"):
        extract_with("bet", VOLUME)


@needs_nipype
def test_synthstrip_is_called(bare: Path) -> None:
    install(bare, "mri_synthstrip")
    np.testing.assert_array_equal(extract_with("synthstrip", VOLUME).data, MIDDLE)


@needs_nipype
def test_hd_bet_is_called(bare: Path) -> None:
    install(bare, "hd-bet", "-o", "_bet")
    np.testing.assert_array_equal(extract_with("hd-bet", VOLUME).data, MIDDLE)


@needs_nipype
def test_robex_is_called(bare: Path) -> None:
    """It takes the image, the stripped image and the mask, in this order."""
    program = bare / "runROBEX.sh"
    body = _PROGRAM.format(python=sys.executable, option="", suffix="")
    program.write_text(
        body.replace('words[words.index("-i") + 1]', "words[0]").replace(
            'words[words.index("") + 1].replace(".nii.gz", ".nii.gz")', "words[2]"
        )
    )
    program.chmod(0o755)
    np.testing.assert_array_equal(extract_with("robex", VOLUME).data, MIDDLE)
