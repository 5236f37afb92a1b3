from __future__ import annotations

from pathlib import Path

import pytest

from newlesions.cohort.pairs import Pair
from newlesions.cohort.table import read_table
from newlesions.errors import ConfigError


def table(tmp_path: Path, text: str, name: str = "table.tsv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_three_columns_are_enough(tmp_path: Path) -> None:
    pairs, notes = read_table(table(tmp_path, "subject\tbaseline\tfollowup\n01\ta.nii\t/x/b.nii\n"))
    assert pairs == [Pair.of("01", ("1", "2"), (str(tmp_path / "a.nii"), "/x/b.nii"))]
    assert notes == []


def test_the_paths_of_references_are_relative_to_the_table(tmp_path: Path) -> None:
    head = "subject\tbaseline\tfollowup\treference\tgone_reference\traters\n"
    (pair,), _ = read_table(table(tmp_path, head + "01\ta.nii\tb.nii\tr.nii\tg.nii\tann=x.nii; bob=/y.nii;\n"))
    assert pair.gone_reference == str(tmp_path / "g.nii")
    assert pair.rater_masks == {"ann": str(tmp_path / "x.nii"), "bob": "/y.nii"}
    assert pair.references == [str(tmp_path / name) for name in ("r.nii", "g.nii", "x.nii")] + ["/y.nii"]
    assert pair.with_values(reference="").references == []


@pytest.mark.parametrize("raters", ["x.nii", "ann=", "ann=x.nii;ann=y.nii"])
def test_raters_without_a_name_or_a_path_are_a_fault(tmp_path: Path, raters: str) -> None:
    with pytest.raises(ConfigError, match=r"row 2, column raters: found '.*'; expected name=path, joined by ;"):
        read_table(table(tmp_path, f"subject\tbaseline\tfollowup\traters\n01\ta.nii\tb.nii\t{raters}\n"))


@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
def test_all_columns_in_any_order_with_any_delimiter(tmp_path: Path, delimiter: str) -> None:
    row = {
        "Site": "x", "followup": "b.nii", "baseline": "a.nii", "subject": "sub-007", "baseline_session": "ses-M-0",
        "followup_session": "M12", "aligned": "TRUE", "reference": "r.nii", "baseline_brain": "n/a",
        "baseline_date": "2020-01-01", "followup_date": "20200131T101112",
    }  # fmt: skip
    path = table(tmp_path, delimiter.join(row) + "\n\n" + delimiter.join(row.values()) + "\n", "table.csv")
    (pair,), notes = read_table(path)
    assert pair == Pair.of(
        "007", ("M0", "M12"), (str(tmp_path / "a.nii"), str(tmp_path / "b.nii")), aligned=True
    ).with_values(reference=str(tmp_path / "r.nii"), baseline_date="2020-01-01", followup_date="2020-01-31", days="30")
    assert notes == ["columns not used: site"]


def test_labels_stay_text(tmp_path: Path) -> None:
    text = '\ufeffsubject,baseline,followup\r\n001,"a, b.nii",b.nii\r\nNA,a2.nii,b2.nii\r\n1e5,a3.nii,b3.nii\r\n'
    pairs, _ = read_table(table(tmp_path, text))
    assert [pair.subject for pair in pairs] == ["001", "NA", "1e5"]
    assert pairs[0].baseline.endswith("a, b.nii")


HEAD = "subject,baseline,followup,followup_session,aligned,followup_date,baseline_date,days\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "an empty file"),
        (HEAD, "found no row"),
        ("subject,followup\n01,b\n", "found no 'baseline'; expected at least subject, baseline, followup"),
        (
            "subject,baseline,followup,folowup_session\n01,a,b,1\n",
            "found 'folowup_session'; expected 'followup_session'",
        ),
        ("subject,baseline,followup,subject\n01,a,b,1\n", "found 'subject' twice"),
        (HEAD + "01,a\n", "row 2: found 2 values; expected 8"),
        (HEAD + "--,a,b,2,,,,\n", "row 2, column subject: found ''"),
        (HEAD + "01,,b,2,,,,\n", "row 2, column baseline: found ''; expected the path of the baseline FLAIR"),
        (HEAD + "01,a,b,2,perhaps,,,\n", "row 2, column aligned: found 'perhaps'; expected yes or no"),
        (HEAD + "01,a,b,2,,spring,,\n", "row 2, column followup_date: found 'spring'; expected a date"),
        (HEAD + "01,a,b,2,,2020-01-01,2021-01-01,\n", "row 2, column followup_date: found a date before"),
        (HEAD + "01,a,b,2,,2020-01-03,2020-01-01,3\n", "row 2, column days: found 3; expected 2"),
        (HEAD + "01,a,b,2,,,,soon\n", "row 2, column days: found 'soon'; expected a whole number"),
        (HEAD + "01,a,b,1,,,,\n", "found the session 1 twice"),
        (HEAD + "01,a,b,2,,,,\n01,a,b,2,,,,\n", "pair sub-01_ses-2: found 2 rows"),
        (HEAD + "01,a,b,2,,,,\n01,x,c,3,,,,\n", "sub-01_ses-1: found two values for its scan"),
        (HEAD + "a-1,a,b,2,,,,\na1,c,d,3,,,,\n", "row 3, column subject: found 'a1', which becomes 'a1' as 'a-1' does"),
    ],
)
def test_faults_are_named(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_table(table(tmp_path, text))
    assert expected in str(caught.value)
    assert "table.tsv" in str(caught.value)


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_table(table(tmp_path, HEAD + "01,,b,2,,,,\n02,a,b,2,?,,,\n03,a\n"))
    assert [part in str(caught.value) for part in ("3 faults", "row 2", "row 3", "row 4")] == [True] * 4


def test_files_that_are_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no readable file"):
        read_table(tmp_path / "absent.tsv")
    (tmp_path / "x.csv").write_bytes("subject,baseline,followup\né,a,b".encode("latin-1"))
    with pytest.raises(ConfigError, match="saved as UTF-8"):
        read_table(tmp_path / "x.csv")
