"""The steps of a benchmark that fuse recipes, on the maps of two made ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from consensus.made import seen, truth
from newlesions.consensus.weights import learn_weights
from newlesions.consensus.weights import moments as moments_of
from newlesions.detect.classes import GONE, NEW
from newlesions.images.files import read_json
from newlesions.images.io import read_volume, write_volume
from newlesions.images.volume import Volume
from newlesions.steps.fold_consensus import fold_consensus
from newlesions.steps.moments import moments

ERRORS = (0.05, 0.3)


def pair_of(folder: Path, number: int) -> dict[str, Any]:
    """What the step is told of a pair; both recipes say that something has gone in a corner."""
    name = f"sub-{number:02}_ses-M12"
    mask = truth(number)
    files: dict[str, list[str]] = {"maps": [], "changes": []}
    reference = folder / f"{name}_reference.nii.gz"
    write_volume(reference, Volume(mask.astype(np.uint8), np.eye(4)))
    for at, error in enumerate(ERRORS):
        chance = seen(mask, error, 100 * number + at)
        change = np.where(chance >= 0.5, NEW, 0).astype(np.uint8)
        change[:2, :2, :2] = GONE
        for what, data in (("maps", chance), ("changes", change)):
            files[what].append(str(folder / f"{name}_{what}{at}.nii.gz"))
            write_volume(Path(files[what][-1]), Volume(data, np.eye(4)))
    made = {what: str(folder / "results" / f"{name}_{what}.nii.gz") for what in ("mask", "probseg", "dseg")}
    return {"pair": name, "reference": str(reference), "gone_reference": "", "rater_masks": {}, **files, **made}


def fused(folder: Path, pairs: list[dict[str, Any]], how: str, **more: Any) -> dict[str, Any]:
    paths = {name: folder / f"{name}.json" for name in ("scores", "judged")}
    fold_consensus(pairs, folder / "results", how=how, **paths, **more)
    scores: dict[str, Any] = read_json(paths["scores"])
    assert set(read_json(paths["judged"])) == {name for name, row in scores.items() if "failed" not in row}
    return scores


@pytest.mark.parametrize("how", ["mean", "majority", "staple"])
def test_fused_maps_are_written_and_scored(tmp_path: Path, how: str) -> None:
    pair = pair_of(tmp_path, 1)
    row = fused(tmp_path, [pair], how)[pair["pair"]]
    mask, chance, change = (read_volume(Path(pair[what])).data for what in ("mask", "probseg", "dseg"))
    np.testing.assert_array_equal(change == NEW, mask > 0)
    np.testing.assert_array_equal(chance >= 0.5, mask > 0)
    assert (change[:2, :2, :2] == GONE).all()
    overlap = 2 * (mask * truth(1)).sum() / (mask.sum() + truth(1).sum())
    assert row["measures"]["Dice"] == pytest.approx(overlap, abs=1e-6)
    assert row["curves"] and [one["hit"] for one in row["lesions"] if one["side"] == "reference"]


def test_a_pair_that_a_recipe_lacks_fails_alone(tmp_path: Path) -> None:
    pairs = [pair_of(tmp_path, 1), pair_of(tmp_path, 2)]
    Path(pairs[0]["maps"][1]).unlink()
    rows = fused(tmp_path, pairs, "mean")
    assert "sub-01_ses-M12_maps1.nii.gz" in rows["sub-01_ses-M12"]["failed"]
    assert rows["sub-02_ses-M12"]["measures"]["Dice"] > 0.5


def test_weights_are_learned_from_the_pairs_of_other_folds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    others = [[pair_of(tmp_path, 2), pair_of(tmp_path, 3)], [pair_of(tmp_path, 4)]]
    Path(others[0][1]["maps"][0]).unlink()
    files = [tmp_path / "moments1.json", tmp_path / "moments2.json"]
    for some, path in zip(others, files, strict=True):
        moments(some, path)
    assert [list(read_json(path)) for path in files] == [["sub-02_ses-M12"], ["sub-04_ses-M12"]]
    pair = pair_of(tmp_path, 1)
    fused(tmp_path, [pair], "weights", moments=files)
    expected = learn_weights(
        [
            moments_of(np.stack([seen(truth(n), error, 100 * n + at) for at, error in enumerate(ERRORS)]), truth(n))
            for n in (2, 4)
        ]
    )
    assert expected[0] > 0.8
    assert f"weights: {expected[0]:.3f}, {expected[1]:.3f}" in capsys.readouterr().out
