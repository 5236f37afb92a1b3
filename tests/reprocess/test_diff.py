from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from newlesions import cli
from newlesions.cohort.results import labels_file
from newlesions.images.files import read_json, write_json
from newlesions.images.io import read_volume, write_volume
from newlesions.images.volume import Volume
from newlesions.report.tables import read_rows
from newlesions.reprocess import difference
from reprocess.results import Results, cube

Rows = list[dict[str, str]]
Changes = set[tuple[str, str, str]]


def diff(first: Path, second: Path) -> tuple[int, Rows, Rows, str]:
    """The exit code, changes.tsv, lesions.tsv and the page."""
    folder = first.parent / "diff"
    code = cli.main(["diff", str(first), str(second), "-o", str(folder)])
    page = (folder / "diff.html").read_text(encoding="utf-8")
    return code, read_rows(folder / "changes.tsv"), read_rows(folder / "lesions.tsv"), page


def named(rows: Rows) -> Changes:
    return {(row["sort"], row["pair"], row["name"]) for row in rows}


@pytest.fixture
def later(tmp_path: Path) -> Results:
    """A release in which pair 01 has another lesion in the place of the gone one; 02 is the same."""
    made = Results(tmp_path, "later")
    made.pair("01", [(cube(1, 1, 1, size=3), 1), (cube(9, 1, 5), 2)], noise=4.5)
    made.pair("02")
    return made


def test_equal_releases_are_equal_and_no_image_is_opened(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    again = Results(tmp_path, "again")
    again.pair("01", [(cube(1, 1, 1), 1), (cube(6, 6, 3), 3)])
    again.pair("02")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("an image was opened")

    monkeypatch.setattr(difference, "open_image", refuse)
    code, changes, lesions, page = diff(out, again.finish())
    assert (code, changes, lesions) == (0, [], [])
    assert "2 pairs in both: 2 equal, 0 differ" in capsys.readouterr().out
    assert "They are the same in both." in page


def test_lesions_volumes_and_quality_that_differ_are_told(
    out: Path, later: Results, capsys: pytest.CaptureFixture[str]
) -> None:
    code, changes, lesions, page = diff(out, later.finish())
    assert code == 1
    pair = "sub-01_ses-M12"
    labels = labels_file(out, later.pairs[0]).name
    assert named(changes) == {
        ("result", pair, "noise"),
        ("lesions", pair, "changed volume"),
        ("lesions", pair, "appeared"),
        ("lesions", pair, "vanished"),
        ("file", pair, labels),
        ("file", pair, f"{pair}_desc-lesions_table.tsv"),
    }
    assert [(row["change"], row["first_kind"], row["second_kind"]) for row in lesions] == [
        ("changed volume", "new", "new"),
        ("vanished", "gone", ""),
        ("appeared", "", "enlarging"),
    ]
    assert (lesions[0]["first_mm3"], lesions[0]["second_mm3"]) == ("16.0", "54.0")
    said = capsys.readouterr().out
    assert "2 pairs in both: 1 equal, 1 differ" in said
    assert "1 changed volume, 1 appeared, 1 vanished" in said
    assert pair in page and "sub-02_ses-M12" not in page
    assert "<script" not in page and "://" not in page


def test_pairs_of_one_release_alone_and_pairs_that_failed_in_one(out: Path, tmp_path: Path) -> None:
    second = Results(tmp_path, "second")
    second.waiting("01")
    second.pair("03")
    code, changes, _, page = diff(out, second.finish())
    assert code == 1
    rows = {(row["pair"], row["name"]): (row["first"], row["second"]) for row in changes}
    assert rows["sub-01_ses-M12", "status"] == ("done", "failed")
    assert rows["sub-02_ses-M12", ""] == ("there", "absent")
    assert rows["sub-03_ses-M12", ""] == ("absent", "there")
    assert "only in the first" in page and "only in the second" in page


def test_settings_inputs_and_weights_that_differ(results: Results, out: Path, tmp_path: Path) -> None:
    second = Results(tmp_path, "second", changes=("candidates.k=4.5",))
    second.pair("01", [(cube(1, 1, 1), 1), (cube(6, 6, 3), 3)])
    second.pair("02")
    path = second.finish() / "provenance.json"
    record = read_json(path)
    record["inputs"][0]["sha256"] = "1" * 64
    record["shipped"]["nyul_flair.json"] = "2" * 64
    write_json(path, record)
    code, changes, _, _ = diff(out, second.out)
    assert code == 1
    assert named(changes) == {
        ("setting", "", "candidates.k"),
        ("input", "", "sub-01_ses-M00: scan"),
        ("weights", "", "nyul_flair.json"),
    }
    assert (changes[0]["first"], changes[0]["second"]) == ("1.5", "4.5")


def test_other_versions_alone_are_told_and_leave_the_releases_equal(out: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    out.rename(second)
    first = Results(tmp_path)
    first.pair("01", [(cube(1, 1, 1), 1), (cube(6, 6, 3), 3)])
    first.pair("02")
    first.finish()
    record = read_json(second / "provenance.json")
    record["versions"][0]["libraries"]["numpy"] = "99.0"
    write_json(second / "provenance.json", record)
    code, changes, _, page = diff(first.out, second)
    assert code == 0
    assert named(changes) == {("version", "", "numpy")} and changes[0]["second"] == "99.0"
    assert "99.0" in page


def test_a_mask_that_was_edited_later_shows_though_its_record_does_not(out: Path, later: Results) -> None:
    second = Results(later.out.parent, "edited")
    second.pair("01", [(cube(1, 1, 1), 1), (cube(6, 6, 3), 3)])
    second.pair("02")
    path = labels_file(second.finish(), second.pairs[1])
    volume = read_volume(path, dtype=np.uint8)
    volume.data[4, 4, 4] = 1
    write_volume(path, volume)
    code, _, lesions, _ = diff(out, second.out)
    assert code == 1
    assert [(row["pair"], row["change"]) for row in lesions] == [("sub-02_ses-M12", "appeared")]


def test_other_results_of_a_pair_count_and_pages_do_not(out: Path, tmp_path: Path) -> None:
    second = Results(tmp_path, "second")
    second.pair("01", [(cube(1, 1, 1), 1), (cube(6, 6, 3), 3)], **{".mat": "another transform"})
    second.pair("02", **{".html": "another page"})
    code, changes, _, _ = diff(out, second.finish())
    assert code == 1
    assert named(changes) == {("file", "sub-01_ses-M12", "sub-01_ses-M12_from-M00_to-halfway_mode-image_xfm.mat")}


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda path: path.unlink(), "missing: "),
        (lambda path: path.write_bytes(path.read_bytes()[:40]), "found"),
        (lambda path: write_volume(path, Volume(np.zeros((3, 3, 3), np.uint8), np.eye(4))), "two grids"),
    ],
)
def test_masks_that_cannot_be_matched_are_named(out: Path, later: Results, spoil, expected: str) -> None:  # type: ignore[no-untyped-def]
    later.finish()
    spoil(labels_file(later.out, later.pairs[0]))
    code, changes, lesions, _ = diff(out, later.out)
    assert (code, lesions) == (1, [])
    (note,) = [row["name"] for row in changes if row["sort"] == "note"]
    assert expected in note


def test_equal_releases_give_equal_pages(out: Path, later: Results) -> None:
    later.finish()
    folder = out.parent / "diff"
    contents = []
    for _ in range(2):
        diff(out, later.out)
        contents.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert contents[0] == contents[1]


def test_a_wrong_folder_is_refused(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["diff", str(out), str(out / "sub-01")]) == 2
    assert "expected the results folder" in capsys.readouterr().err
    (out / "sha256sums.txt").unlink()
    assert cli.main(["diff", str(out), str(out)]) == 2
