from __future__ import annotations

import math

import pytest

from newlesions.errors import ConfigError
from newlesions.evaluate.forms import json_form
from newlesions.evaluate.measures import MEASURES
from newlesions.evaluate.pair import Inputs, evaluate_pair
from newlesions.evaluate.scores import TABLES, detail_files, pooled, read_table, write_scores

LARGE, SMALL = ((2, 6),) * 3, ((10, 12),) * 3


@pytest.fixture
def results(save):
    both, one, none = save("both", LARGE, SMALL), save("one", LARGE), save("none")
    return [
        evaluate_pair(Inputs("a", both, one, gone_reference=one, gone_prediction=one, raters={"x": one})),
        evaluate_pair(Inputs("b", none, one)),
        evaluate_pair(Inputs("c", one, none)),
    ]


def test_scores_have_the_pair_and_the_fifteen(results, tmp_path):
    path = tmp_path / "out" / "scores.tsv"
    write_scores(path, results, details=False)
    rows = read_table(path)
    assert list(rows[0]) == ["pair", *MEASURES]
    assert [row["pair"] for row in rows] == ["a", "b", "c"]
    assert [row["SensL"] for row in rows] == ["0.500000", "", "0.000000"]
    assert rows[1]["VolTestedLesions"] == "128.000000"
    assert rows[2]["PPV"] == "nan"
    assert not path.with_suffix("").exists()


def test_details(results, tmp_path):
    path = tmp_path / "scores.tsv"
    write_scores(path, results, details=True)
    tables = {name: read_table(file) for name, file in detail_files(path).items()}
    for name, file in detail_files(path).items():
        assert tuple(file.read_text().splitlines()[0].split("\t")) == TABLES[name]
    assert [row["pair"] for row in tables["empty_references"]] == ["b"]
    assert [row["pair"] for row in tables["gone"]] == ["a"]
    assert [row["pair"] for row in tables["raters"]] == ["a"] * 3
    assert [row["assd_mm"] for row in tables["additions"]][1:] == ["", "nan"]
    assert {row["size_class"]: row["sensitivity"] for row in tables["by_size"]} == {
        "3-10": "nan", "10-30": "0.000000", "30-100": "nan", "100-300": "0.500000", ">300": "nan",
    }  # fmt: skip
    assert tables["by_region"] == []


def test_what_was_stored_as_json_writes_the_same_tables(results, tmp_path):
    one, other = tmp_path / "one.tsv", tmp_path / "other.tsv"
    write_scores(one, results, details=True)
    write_scores(other, [json_form(result) for result in results], details=True)
    for name, file in detail_files(one).items():
        assert file.read_bytes() == detail_files(other)[name].read_bytes()
    assert one.read_bytes() == other.read_bytes()


def test_pooled_counts_lesions_of_all_pairs(results):
    row = next(row for row in pooled(results, "size_class", ["100-300"]))
    assert (row["reference"], row["found"], row["predicted"], row["true"]) == (2, 1, 2, 1)
    assert math.isnan(pooled(results, "size_class", ["3-10"])[0]["sensitivity"])


def test_details_need_a_suffix(results, tmp_path):
    with pytest.raises(ConfigError, match=r"expected one as scores\.tsv"):
        write_scores(tmp_path / "scores", results, details=True)


@pytest.mark.parametrize(
    ("text", "found"),
    [("", "an empty file"), ("a\tb\n1\n", "line 2: found 1 cells; expected 2"), (None, "no such file")],
)
def test_what_is_no_table(tmp_path, text, found):
    if text is not None:
        (tmp_path / "t.tsv").write_text(text)
    with pytest.raises(ConfigError, match=found):
        read_table(tmp_path / "t.tsv")
