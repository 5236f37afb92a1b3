from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from newlesions.errors import ConfigError, InputError
from newlesions.images.io import read_volume, write_volume
from newlesions.steps.bias import bias
from steps.small import Work, scan, settings


def test_the_corrected_scan_lies_on_its_own_grid(work: Work) -> None:
    flair, out, field = work.sessions[0] / "flair.nii.gz", work.folder / "corrected.nii.gz", work.folder / "f.nii.gz"
    bias(flair, out, field, settings("bias"))
    volume = read_volume(out)
    assert volume.grid.matches(scan().grid)
    assert volume.data.dtype == np.float32 and volume.data.min() >= 0
    shown = read_volume(field)
    assert shown.spacing.max() == 8 and 0.5 < np.median(shown.data[shown.data > 0]) < 2
    assert np.corrcoef(volume.data.ravel(), scan().data.ravel())[0, 1] > 0.95


def test_an_unknown_preset_is_named(work: Work) -> None:
    with pytest.raises(ConfigError, match=r"bias\.preset is 'slow'; expected one of fast, prados2021"):
        bias(
            work.sessions[0] / "flair.nii.gz", work.folder / "out.nii.gz", work.folder / "f.nii.gz", {"preset": "slow"}
        )


def test_a_scan_without_a_head_is_named_by_its_session(tmp_path: Path) -> None:
    flair = tmp_path / "sub-07" / "ses-M06" / "flair.nii.gz"
    write_volume(flair, scan().with_data(np.zeros_like(scan().data)))
    out = tmp_path / "out.nii.gz"
    with pytest.raises(InputError, match=r"^sub-07/ses-M06: found no head that stands out"):
        bias(flair, out, tmp_path / "field.nii.gz", settings("bias"))
    assert list(tmp_path.iterdir()) == [tmp_path / "sub-07"]
