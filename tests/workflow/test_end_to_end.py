"""The real steps on a tiny simulated cohort."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from newlesions.report.tables import read_rows
from newlesions.simulate.demo import write_demo

pytestmark = pytest.mark.slow


def run(bids: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "newlesions", "run", str(bids), str(out), *more]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def digests(out: Path) -> dict[str, str]:
    """Of every published file, and of the pairs' images."""
    names = {str(path.relative_to(out)): path for path in out.rglob("*") if path.is_file()}
    apart = ("work/logs", "work/benchmarks", ".snakemake", "work/.run.lock", "work/config.json")
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in sorted(names.items())
        if not name.startswith(apart)
    }


@pytest.fixture(scope="module")
def bids(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort") / "bids"
    write_demo(folder, tiny=True)
    return folder


@pytest.fixture(scope="module")
def finished(bids: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a run on two cores."""
    out = tmp_path_factory.mktemp("results") / "out"
    ended = run(bids, out, "--cores", "2")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    return out


def test_only_the_broken_scan_fails_and_is_named(finished: Path) -> None:
    rows = {row["pair"]: row for row in read_rows(finished / "newlesions.tsv")}
    assert {pair for pair, row in rows.items() if row["status"] == "failed"} == {"sub-broken_ses-M12"}
    assert rows["sub-broken_ses-M12"]["reason"].startswith("ingest: sub-broken_ses-M12_FLAIR.nii")
    assert len(rows) == 5


def test_masks_lie_on_the_follow_ups_own_grid(bids: Path, finished: Path) -> None:
    done = [row for row in read_rows(finished / "newlesions.tsv") if row["status"] == "done"]
    assert len(done) == 4
    for pair in done:
        folder = f"sub-{pair['subject']}/ses-{pair['followup_session']}/anat"
        flair = nib.load(bids / folder / f"{pair['pair']}_FLAIR.nii.gz")
        since = f"{pair['pair']}_space-orig_label-lesion_desc-newSince{pair['baseline_session']}_mask.nii.gz"
        mask = nib.load(finished / folder / since)
        assert mask.shape == flair.shape
        np.testing.assert_allclose(mask.affine, flair.affine, atol=1e-4)
        assert set(np.unique(np.asanyarray(mask.dataobj))) <= {0, 1}


def test_nothing_published_tells_where_the_data_lie(bids: Path, finished: Path) -> None:
    published = (path for path in finished.rglob("*") if "work" not in path.relative_to(finished).parts)
    texts = [path for path in published if path.suffix in (".json", ".tsv", ".html", ".md")]
    assert len(texts) > 20
    for path in texts:
        if path.name != "pairs.tsv":  # the frozen table names the scans by their paths
            assert str(bids.parent) not in path.read_text(encoding="utf-8"), path


def test_one_core_gives_the_same_bytes_as_two(bids: Path, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ended = run(bids, out, "--cores", "1")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert digests(out) == digests(finished)
