from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from newlesions.cli import main
from newlesions.images.files import read_json, write_json
from newlesions.images.io import read_volume
from newlesions.report.review import results_digest
from newlesions.report.tables import read_rows
from report.synthetic import NEW, ball, write_results

PAIR = "sub-01_ses-M12"
HEAD = "pair\tresults\tid\tkind\treview\tcomment"


@pytest.fixture
def out(tmp_path) -> Path:
    write_results(tmp_path / "out")
    return tmp_path / "out"


def anat(out: Path) -> Path:
    return out / "sub-01" / "ses-M12" / "anat"


def apply(out: Path, *rows: str) -> int:
    table = out.parent / "review.tsv"
    table.write_text("\n".join([HEAD, *rows]) + "\n", encoding="utf-8")
    return main(["review", "apply", str(out), str(table)])


def digest(out: Path) -> str:
    return results_digest(PAIR, "M00", anat(out) / f"{PAIR}_desc-lesions_table.tsv")


def test_a_rejected_lesion_leaves_the_masks_and_stays_in_the_table(out, capsys):
    before = {path: path.read_bytes() for path in anat(out).iterdir()}
    row = f"{PAIR}\t{digest(out)}\t2\tgone\treject\tflow in a <b>vein</b>"
    assert apply(out, row, f"{PAIR}\t{digest(out)}\t1\tnew\tunsure\t") == 0
    assert all(path.read_bytes() == content for path, content in before.items())
    stem = f"{PAIR}_space-orig_label-lesion_desc"
    original = read_volume(anat(out) / f"{stem}-changeSinceM00_dseg.nii.gz", np.uint8)
    change = read_volume(anat(out) / f"{stem}-changeSinceM00reviewed_dseg.nii.gz", np.uint8)
    assert set(np.unique(original.data)) == {0, 1, 3}
    assert np.array_equal(change.data, np.where(original.data == 3, 0, original.data))
    assert np.array_equal(change.affine, original.affine)
    mask = read_volume(anat(out) / f"{stem}-newSinceM00reviewed_mask.nii.gz", np.uint8)
    assert np.array_equal(mask.data, original.data == 1)
    halfway = read_volume(anat(out) / f"{PAIR}_space-halfway_label-lesion_desc-newSinceM00reviewed_mask.nii.gz")
    assert halfway.data.sum() == ball(NEW, 2.5).sum()
    facts = read_json(anat(out) / f"{stem}-newSinceM00reviewed_mask.json")
    assert facts["Reviewed"] is True and "rejected" in facts["Description"]
    rows = read_rows(anat(out) / f"{PAIR}_desc-lesionsreviewed_table.tsv")
    assert [(row["id"], row["review"], row["comment"]) for row in rows] == [
        ("1", "unsure", ""),
        ("2", "reject", "flow in a <b>vein</b>"),
    ]
    assert rows[0]["volume_mm3"] == "219.4"
    assert "1 rejected; 1 new lesions, 219.4 mm3" in capsys.readouterr().out


def test_the_cohort_gets_a_table_of_what_was_reviewed_and_the_labels_are_described(out):
    assert apply(out, f"{PAIR}\t\t1\tnew\treject\t") == 0
    (row,) = read_rows(out / "newlesions_reviewed.tsv")
    counts = {name: row[name] for name in ("reject_count", "not_reviewed_count", "new_count", "gone_count")}
    assert counts == {"reject_count": "1", "not_reviewed_count": "1", "new_count": "0", "gone_count": "1"}
    described = [row["desc_id"] for row in read_rows(out / "descriptions.tsv")]
    assert {"newSinceM00reviewed", "changeSinceM00reviewed", "lesionsreviewed"} <= set(described)


def test_the_same_review_again_gives_the_same_bytes_and_another_replaces_it(out):
    rows = [f"{PAIR}\t\t1\tnew\treject\t"]
    assert apply(out, *rows) == 0
    files = sorted(path for path in out.rglob("*reviewed*") if path.is_file())
    assert len(files) == 9
    first = [path.read_bytes() for path in files]
    assert apply(out, *rows) == 0
    assert [path.read_bytes() for path in files] == first
    assert apply(out, f"{PAIR}\t\t1\tnew\taccept\t") == 0
    assert read_rows(out / "newlesions_reviewed.tsv")[0]["new_count"] == "1"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("sub-77_ses-M12\t\t1\tnew\treject\t", "found pair 'sub-77_ses-M12'; expected a pair of"),
        (f"{PAIR}\t\t9\tnew\treject\t", "found lesion '9' of kind 'new'; expected a lesion of"),
        (f"{PAIR}\t\t1\tgone\treject\t", "found lesion '1' of kind 'gone'; expected a lesion of"),
        (f"{PAIR}\t0123456789abcdef\t1\tnew\treject\t", "found a review of other results of sub-01_ses-M12"),
        (f"{PAIR}\t\t1\tnew\tmaybe\t", "found review 'maybe'"),
        (f"{PAIR}\t\t1\tnew\t\t", "found no mark and no comment"),
    ],
)
def test_what_does_not_fit_the_results_is_one_line_and_nothing_is_written(out, capsys, row, said):
    assert apply(out, row) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and "review.tsv" in error
    assert not list(out.rglob("*reviewed*"))


def test_without_the_images_between_the_steps_it_says_what_is_missing(out, capsys):
    (out / "work" / "sub-01" / "ses-M12" / "pair" / "change.nii.gz").unlink()
    assert apply(out, f"{PAIR}\t\t1\tnew\treject\t") == 2
    error = capsys.readouterr().err
    assert "change.nii.gz: found no such file" in error and "keep_work" in error


def test_lesions_are_numbered_as_in_the_table_or_not_at_all(out, capsys):
    table = anat(out) / f"{PAIR}_desc-lesions_table.tsv"
    table.write_text("\n".join(table.read_text().splitlines()[:2]) + "\n")
    assert apply(out, f"{PAIR}\t\t1\tnew\treject\t") == 2
    assert "found 1 lesions; expected the 2 of change.nii.gz" in capsys.readouterr().err


def test_in_mni_space_the_mask_comes_back_to_halfway_space(out):
    path = out / "work" / "sub-01" / "ses-M12" / "pair" / "working.json"
    write_json(path, read_json(path) | {"space": "mni"})
    assert apply(out, f"{PAIR}\t\t2\tgone\treject\t") == 0
    halfway = read_volume(anat(out) / f"{PAIR}_space-halfway_label-lesion_desc-newSinceM00reviewed_mask.nii.gz")
    assert halfway.data.sum() == ball(NEW, 2.5).sum()
