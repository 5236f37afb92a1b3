"""SAMSEG by a program of its name that takes its arguments and writes what it writes."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from newlesions.errors import ConfigError
from newlesions.images.volume import Volume
from newlesions.preprocess import samseg
from newlesions.preprocess.samseg import PROGRAM, missing_for_samseg, require_tissue, segment_pair, tissue_source

SHAPE = (10, 9, 8)
VOLUMES = [Volume(np.full(SHAPE, value, np.float32), np.diag([-2.0, 2.0, 3.0, 1.0])) for value in (2, 41)]

# The labels are the image's values, so that it shows which time point is which.
_PROGRAM = """#!{python}
import sys
from pathlib import Path
import nibabel as nib
import numpy as np
words = sys.argv[1:]
assert words.count("--timepoint") == 2 and "--lesion" in words
assert words[words.index("--lesion-mask-pattern") + 1] == "1"
out = Path(words[words.index("--output") + 1])
for number, at in enumerate([n for n, word in enumerate(words) if word == "--timepoint"], start=1):
    image = nib.load(words[at + 1])
    folder = out / f"tp{{number:03d}}"
    folder.mkdir(parents=True)
    if {writes}:
        data = np.asanyarray(image.dataobj).astype(np.int32)
        nib.MGHImage(data, image.affine).to_filename(folder / "seg.mgz")
"""
needs_nipype = pytest.mark.skipif(importlib.util.find_spec("nipype") is None, reason="nipype is not installed")


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without FreeSurfer, and the one folder on its PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install(folder: Path, writes: bool = True) -> None:
    program = folder / PROGRAM
    program.write_text(_PROGRAM.format(python=sys.executable, writes=writes))
    program.chmod(0o755)


def test_what_is_missing_is_named_with_its_source(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samseg.importlib.util, "find_spec", lambda _: None)
    for refused in (lambda: require_tissue("samseg"), lambda: segment_pair(*VOLUMES)):
        with pytest.raises(ConfigError) as caught:
            refused()
        message = str(caught.value)
        assert message.startswith(
            "candidates.tissue is samseg, which needs run_samseg_long on the PATH (FreeSurfer 7.3"
        )
        assert "`pip install newlesions[nipype]`" in message and "mni needs nothing" in message
        assert "\n" not in message
    for source in ("none", "mni", "auto"):
        require_tissue(source)


def test_auto_takes_samseg_where_it_is_installed(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samseg.importlib.util, "find_spec", lambda _: object())
    assert tissue_source("auto") == "mni"
    install(bare)
    assert missing_for_samseg() == "" and tissue_source("auto") == "samseg"
    assert [tissue_source(name) for name in ("none", "mni", "samseg")] == ["none", "mni", "samseg"]


@needs_nipype
def test_labels_of_both_visits_come_back_on_their_grid(bare: Path) -> None:
    install(bare)
    first, second = segment_pair(*VOLUMES)
    assert first.shape == second.shape == SHAPE and first.dtype == np.int32
    assert (first == 2).all() and (second == 41).all()


@needs_nipype
def test_a_program_that_writes_nothing_is_named(bare: Path) -> None:
    install(bare, writes=False)
    with pytest.raises(RuntimeError, match=r"run_samseg_long ended without writing tp001/seg\.mgz"):
        segment_pair(*VOLUMES)
