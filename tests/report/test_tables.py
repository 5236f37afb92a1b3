from __future__ import annotations

import pytest

from newlesions.errors import InputError
from newlesions.report.tables import coordinates, flattened, number, read_lesions, read_rows, shown, without_folders
from report.synthetic import COLUMNS


def test_numbers_are_written_for_people():
    assert shown(12345.678) == "12,346"
    assert shown(-1.25, 1) == "−1.2"
    assert shown(3, 0, "mm³") == "3\N{NO-BREAK SPACE}mm³"
    assert shown(None, 2, "mm³") == "–"
    assert coordinates((-21.4, 0.2, -0.2)) == "−21, 0, 0"
    assert coordinates(None) == "–"


@pytest.mark.parametrize("text", ["", "n/a", None, "nan", "inf"])
def test_what_is_no_number_is_none(text):
    assert number(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/ann/data/sub-01_FLAIR.nii.gz: found 4D", "sub-01_FLAIR.nii.gz: found 4D"),
        ("see '/data/in/a b.nii'", "see 'a b.nii'"),
        ("C:\\Users\\ann\\x.nii is empty", "x.nii is empty"),
        ("found 3/4 of it, in mm/s", "found 3/4 of it, in mm/s"),
        ("sub-01/anat/x.nii", "sub-01/anat/x.nii"),
    ],
)
def test_absolute_paths_lose_their_folders(text, expected):
    assert without_folders(text) == expected


def test_settings_become_lines():
    nested = {"bias": {"preset": "fast", "on": True}, "k": 3.0, "grid": [[1, 2], [3, 4]], "out": "/home/ann/out"}
    lines = dict(flattened(nested | {"many": list(range(20))}))
    assert lines["bias.preset"] == "fast" and lines["bias.on"] == "yes"
    assert lines["k"] == "3"
    assert lines["grid"] == "2 entries"
    assert lines["out"] == "out"
    assert lines["many"].endswith("(20 values)")


def test_lesions_are_read_with_gaps_as_none(tmp_path):
    row = dict.fromkeys(COLUMNS, "") | {"id": "7", "kind": "gone", "volume_mm3": "12.5"}
    path = tmp_path / "t.tsv"
    path.write_text("\t".join(COLUMNS) + "\n" + "\t".join(row[name] for name in COLUMNS) + "\n")
    (lesion,) = read_lesions(path)
    assert (lesion.label, lesion.volume, lesion.world, lesion.probability) == ("G7", 12.5, None, None)


def test_a_table_of_something_else_is_refused(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text("id\tkind\n1\tnew\n")
    with pytest.raises(InputError, match="volume_mm3"):
        read_lesions(path)
    path.write_text("\t".join(COLUMNS) + "\n" + "\t".join(["1", "moved", *["0"] * (len(COLUMNS) - 2)]) + "\n")
    with pytest.raises(InputError, match="moved"):
        read_lesions(path)


def test_quotes_and_short_rows_are_plain_text(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text('a\tb\tc\n"x\ty\n')
    assert read_rows(path) == [{"a": '"x', "b": "y", "c": ""}]
