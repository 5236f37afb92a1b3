from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detect.networks.made import model, stage
from newlesions.detect.classes import GONE, KINDS, SHRINKING
from newlesions.errors import ConfigError, InputError
from newlesions.images.files import read_json
from newlesions.images.io import read_volume, write_volume
from newlesions.images.volume import Volume
from newlesions.networks.stages import Predict, Sample
from newlesions.steps.decide import decide
from newlesions.steps.network import network
from steps.small import AFFINE, LESION, SHAPE, Work, brain, settings

FALLEN = (slice(10, 14), slice(20, 24), slice(20, 24))
LIMITS = {"device": "cpu", "threads": 1}


def pair_of(work: Work, name: str = "sub-01_M00_M12") -> dict[str, str]:
    """The entry of a pair whose work folder is filled."""
    before, after, mask = work.harmonised()
    change = work.changed()[0]
    reports = work.visit("ingest.json")
    paths = {"baseline": before, "followup": after, "brain": mask, "change": change, "working": work.working()}
    paths |= {"baseline_report": reports[0], "followup_report": reports[1]}
    paths |= {name: work.pair / f"network_{name}.nii.gz" for name in ("rise", "fall")}
    return {"pair": name, "subject": "01", **{key: str(path) for key, path in paths.items()}}


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """The description of a small untrained model whose threshold cuts the brain in two."""
    patch = Sample(patch=(48, 56, 48))
    made = model(tmp_path / "members", stage(sample=patch, predict=Predict(threshold=0.5, min_volume_mm3=100)))
    made.write(tmp_path / "model")
    return tmp_path / "model" / "model.json"


def run(pairs: list[dict[str, str]], trained: Path, report: Path) -> dict:
    network(
        pairs, [trained], report, limits=LIMITS, digests={"model.json": "a" * 64}, candidates=settings("candidates")
    )
    return read_json(report)


def judge(pair: dict[str, str], trained: Path, bucket: Path, out: Path) -> dict:
    names = ("baseline", "followup", "brain", "change", "working", "baseline_report", "followup_report")
    decide(
        pair["pair"],
        pair["rise"],
        pair["fall"],
        bucket=bucket,
        **{name: Path(pair[name]) for name in names},
        model_files=[trained],
        refined_change=out / "refined_change.nii.gz",
        refined_probability=out / "refined_probability.nii.gz",
        facts=out / "refine.json",
        digests={"model.json": "a" * 64},
        candidates=settings("candidates"),
    )
    return read_json(out / "refine.json")


def test_a_bucket_goes_on_where_one_pair_fails(tmp_path: Path, trained: Path) -> None:
    good, broken, absent, last = (
        pair_of(Work(tmp_path / name), name) for name in ("first", "broken", "absent", "last")
    )
    Path(broken["followup"]).write_bytes(b"no image")
    Path(absent["change"]).unlink()
    report = tmp_path / "0.json"
    told = run([good, broken, absent, last], trained, report)
    assert (told["recipe"], told["stage"], told["model"]) == ("made", "new", {"model.json": "a" * 64})
    rows = told["pairs"]
    assert list(rows) == ["first", "broken", "absent", "last"]
    assert rows["first"] == rows["last"] == {"reason": None, "looked_at_voxels": int(brain().sum())}
    assert "ImageFileError" in rows["broken"]["reason"]
    assert rows["absent"]["reason"] == "absent: found no change.nii.gz; expected the files of the earlier steps"
    assert [Path(one["rise"]).is_file() for one in (good, broken, absent, last)] == [True, False, False, True]
    assert Path(good["rise"]).read_bytes() == Path(last["rise"]).read_bytes()
    with pytest.raises(InputError, match=r"absent: found that its networks failed \(absent: found no change"):
        judge(absent, trained, report, tmp_path)
    assert judge(last, trained, report, tmp_path)["recipe"] == "made"


def test_probabilities_lie_on_the_working_grid(tmp_path: Path, trained: Path) -> None:
    pair = pair_of(Work(tmp_path / "work"))
    run([pair], trained, tmp_path / "0.json")
    for name in ("rise", "fall"):
        volume = read_volume(pair[name])
        np.testing.assert_allclose(volume.affine, AFFINE)
        assert (volume.data.shape, volume.data.dtype) == (SHAPE, np.float32)
        assert volume.data[brain()].min() > 0
        assert not volume.data[~brain()].any()


def test_a_pair_that_cannot_be_written_is_told(tmp_path: Path, trained: Path) -> None:
    first, second = (pair_of(Work(tmp_path / name), name) for name in ("first", "second"))
    (tmp_path / "file").write_text("")
    first["rise"] = str(tmp_path / "file" / "rise.nii.gz")
    rows = run([first, second], trained, tmp_path / "0.json")["pairs"]
    assert "NotADirectoryError" in rows["first"]["reason"] or "FileExistsError" in rows["first"]["reason"]
    assert rows["second"]["reason"] is None


def test_the_same_bucket_gives_the_same_bytes(tmp_path: Path, trained: Path) -> None:
    pair = pair_of(Work(tmp_path / "work"))
    files = [tmp_path / "0.json", Path(pair["rise"]), Path(pair["fall"])]
    run([pair], trained, files[0])
    once = [path.read_bytes() for path in files]
    run([pair], trained, files[0])
    assert [path.read_bytes() for path in files] == once


def test_a_model_that_cannot_be_read_is_no_pairs_fault(tmp_path: Path, trained: Path) -> None:
    (trained.parent / "weights" / "new_0.safetensors").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="no readable safetensors file"):
        run([pair_of(Work(tmp_path / "work"))], trained, tmp_path / "0.json")


def test_what_is_decided_agrees_with_what_the_networks_say(tmp_path: Path, trained: Path) -> None:
    pair, bucket = pair_of(Work(tmp_path / "work")), tmp_path / "0.json"
    run([pair], trained, bucket)
    for name, place in (("rise", LESION), ("fall", FALLEN)):
        found = np.zeros(SHAPE, np.float32)
        found[place] = 0.8
        write_volume(Path(pair[name]), Volume(found, AFFINE))
    facts = judge(pair, trained, bucket, tmp_path)
    change = read_volume(tmp_path / "refined_change.nii.gz", dtype=np.uint8).data
    signed = read_volume(tmp_path / "refined_probability.nii.gz").data
    assert (change[LESION] == 1).all()
    kind = int(change[FALLEN][0, 0, 0])  # gone or, in tissue as patchy as this, shrinking
    assert set(np.unique(change)) == {0, 1, kind}
    assert kind in (GONE, SHRINKING)
    np.testing.assert_allclose(signed[LESION], 0.8, atol=1e-6)
    np.testing.assert_allclose(signed[FALLEN], -0.8, atol=1e-6)
    assert (facts["threshold"], facts["proposed"], facts["accepted"]) == (0.5, 1, 1)
    assert facts["lesions"] == [
        {"id": 1, "kind": "new", "probability": 0.8, "top": []},
        {"id": 2, "kind": KINDS[kind], "probability": 0.8, "top": []},
    ]
    assert facts["model"] == {"model.json": "a" * 64}


def test_a_bucket_without_the_pair_is_told(tmp_path: Path, trained: Path) -> None:
    pair, bucket = pair_of(Work(tmp_path / "work")), tmp_path / "0.json"
    run([], trained, bucket)
    with pytest.raises(InputError, match=r"found nothing of it in 0\.json"):
        judge(pair, trained, bucket, tmp_path)
