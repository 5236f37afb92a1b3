from __future__ import annotations

import time
from pathlib import Path

import pytest

from newlesions.cohort.pairs import COLUMNS, OPTIONAL, Pair, join_raters
from newlesions.cohort.pairs_table import read_pairs, schema, write_pairs
from newlesions.errors import ConfigError


def cohort(count: int) -> list[Pair]:
    return [
        Pair.of(f"{n:05}", ("1", "2"), (f"/data/a b/{n}_1.nii.gz", f'/data/"q"/{n}_2.nii.gz')).with_values(
            baseline_sha256="0" * 64, followup_sha256="f" * 64
        )
        for n in range(count)
    ]


def edited(path: Path, old: str, new: str) -> Path:
    write_pairs(path, cohort(3))
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


def test_reading_undoes_writing_and_bytes_repeat(tmp_path: Path) -> None:
    pairs = cohort(5)
    for name in ("a.tsv", "b.tsv"):
        write_pairs(tmp_path / name, pairs)
    assert read_pairs(tmp_path / "a.tsv") == pairs
    assert (tmp_path / "a.tsv").read_bytes() == (tmp_path / "b.tsv").read_bytes()


def test_any_order_of_columns_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    rows = [COLUMNS[::-1], *(tuple(pair.row().values())[::-1] for pair in cohort(2))]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join("\t".join(row) for row in rows).encode())
    assert read_pairs(path) == cohort(2)


def test_the_schema_knows_every_column_and_asks_only_for_patterns() -> None:
    assert tuple(schema()["properties"]) == COLUMNS == tuple(schema()["required"])
    assert all(set(rule) == {"type", "pattern", "description"} for rule in schema()["properties"].values())
    assert not schema()["additionalProperties"]


def test_a_table_of_before_single_raters_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    kept = [column for column in COLUMNS if column not in OPTIONAL]
    rows = [kept, *([pair.row()[column] for column in kept] for pair in cohort(2))]
    path.write_text("\n".join("\t".join(row) for row in rows))
    assert read_pairs(path) == cohort(2)


@pytest.mark.parametrize(
    ("raters", "expected"),
    [
        ("a=/x.nii;b=/y.nii", None),
        ("a=/x=1.nii", None),
        ("a=", "row 2, column raters"),
        ("/x.nii", "row 2, column raters: .*expected name=path of each rater's reference mask"),
        ("consensus=/x.nii", "row 2, column raters"),
        ("a=/x.nii;a=/y.nii", "column raters: found a name twice"),
    ],
)
def test_raters_have_a_name_each(tmp_path: Path, raters: str, expected: str | None) -> None:
    pair = cohort(1)[0].with_values(raters=raters)
    if expected is None:
        write_pairs(tmp_path / "pairs.tsv", [pair])
        assert read_pairs(tmp_path / "pairs.tsv") == [pair]
        assert join_raters(pair.rater_masks) == raters
    else:
        with pytest.raises(ConfigError, match=expected):
            write_pairs(tmp_path / "pairs.tsv", [pair])


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("\t00001\t", "\t0 1\t", r"row 3, column subject: found '0 1'; expected a label of letters, digits"),
        ("\tno\t", "\tmaybe\t", r"row 2, column aligned: found 'maybe'; expected yes"),
        ("0" * 64, "0" * 63, r"row 2, column baseline_sha256: .*expected 64 hexadecimal digits"),
        ("/data/a b/1_1.nii.gz", "", r"row 3, column baseline: found ''; expected the path"),
        ("sub-00001_ses-2", "sub-00002_ses-2", "pair sub-00002_ses-2: found 2 rows"),
        ("\tdays", "", "no column days"),
        ("\tdays", "\tdays\tsite", "unknown or repeated column site"),
        ("\tno\t", "\t", "row 2: found 18 values; expected 19"),
    ],
)
def test_faults_are_named_with_row_and_column(tmp_path: Path, old: str, new: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected) as caught:
        read_pairs(edited(tmp_path / "pairs.tsv", old, new))
    assert "pairs.tsv" in str(caught.value)


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no readable table"):
        read_pairs(tmp_path / "absent.tsv")
    (tmp_path / "binary.tsv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_pairs(tmp_path / "binary.tsv")
    (tmp_path / "empty.tsv").write_text("")
    with pytest.raises(ConfigError, match="no column pair"):
        read_pairs(tmp_path / "empty.tsv")
    (tmp_path / "header.tsv").write_text("\t".join(COLUMNS) + "\n")
    with pytest.raises(ConfigError, match="no row"):
        read_pairs(tmp_path / "header.tsv")


@pytest.mark.parametrize("path", ["/a\tb", "/a\n", "/a\nb", ""])
def test_paths_that_a_table_cannot_hold_are_not_written(tmp_path: Path, path: str) -> None:
    with pytest.raises(ConfigError, match="row 2"):
        write_pairs(tmp_path / "pairs.tsv", [Pair.of("01", ("1", "2"), (path, "/b"))])
    assert not list(tmp_path.iterdir())


def test_names_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="UTF-8"):
        write_pairs(tmp_path / "pairs.tsv", [Pair.of("01", ("1", "2"), ("/a\udcff", "/b"))])


def test_twenty_thousand_rows_are_read_quickly(tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs.tsv", cohort(20_000))
    start = time.process_time()
    assert len(read_pairs(tmp_path / "pairs.tsv")) == 20_000
    assert time.process_time() - start < 3
