from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dicom.series import SERIES
from newlesions.dicom.table import Row, first, read_table, write_key
from newlesions.errors import ConfigError


def test_a_table_is_read_with_its_habits(tmp_path: Path) -> None:
    path = tmp_path / "table.tsv"
    path.write_text(
        "\ufeffpatient\tstudy_date\tsubject\tsession\tuse\nH 1\t2021-03-04\tsub-A1\tses-M06\tTake\n\t\tn/a\t\t\n"
    )
    assert read_table(path) == [
        Row(patient="H 1", study_date="20210304", subject="A1", session="M06", use="take"),
        Row(),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("patient\tsubjekt\n", "found the column 'subjekt'"),
        ("", "found nothing; expected some of patient"),
        ("use\nmaybe\n", "row 2, column use: found 'maybe'; expected take, leave, or nothing"),
        ("subject\nA-1\n", "row 2, column subject: found 'A-1'; expected letters and digits"),
        ("study_date\n4.3.2021\n", "row 2, column study_date: found '4.3.2021'"),
        ("patient\nA\tB\n", "row 2: found more values than columns"),
    ],
)
def test_faults_name_row_and_column(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "table.tsv"
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        read_table(path)
    assert message in str(raised.value) and str(path) in str(raised.value)


def test_the_key_can_be_read_again_and_is_nobody_elses(tmp_path: Path) -> None:
    path, row = tmp_path / "key.tsv", Row("H1", "20210304", "5", "a [b]", "take", "001", "M00", "21", "1.2", "")
    write_key(path, [row])
    assert read_table(path) == [row]
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_first_row_that_fits_and_says_something_counts() -> None:
    rows = [
        Row(series="*DARK*", subject="A1"),
        Row(patient="other", use="leave"),
        Row(series_number="5", use="take"),
        Row(use="leave"),
    ]
    assert first(rows, SERIES, "use") == "take"
    assert first(rows, replace(SERIES, number="6"), "use") == "leave"
    assert first(rows, SERIES, "subject") == "A1"
    assert first(rows, SERIES, "session") == ""


def test_a_description_fits_itself_whatever_it_holds() -> None:
    odd = replace(SERIES, description="flair [a] *")
    assert Row(series="flair [a] *", use="take").fits(odd)
    assert not Row(series="flair [a]", use="take").fits(odd)
