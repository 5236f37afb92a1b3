from __future__ import annotations

from pathlib import Path

import pytest

from newlesions.errors import ConfigError
from newlesions.report.review import read_marks, results_digest

HEAD = "pair\tresults\tid\tkind\treview\tcomment\n"


def write(path: Path, *rows: str, head: str = HEAD) -> Path:
    path.write_text(head + "".join(row + "\n" for row in rows), encoding="utf-8")
    return path


def test_marks_are_read_by_pair_and_lesion_and_unmarked_lesions_are_left_out(tmp_path):
    one = write(tmp_path / "a.tsv", "sub-1_ses-2\tabc\t1\tnew\treject\tan artery", "sub-1_ses-2\tabc\t2\tnew\t\t")
    two = write(tmp_path / "b.tsv", "sub-3_ses-2\tdef\t1\tgone\t\tlook again")
    marks = read_marks([one, two])
    assert {pair: sorted(mine) for pair, mine in marks.items()} == {"sub-1_ses-2": ["1"], "sub-3_ses-2": ["1"]}
    mark = marks["sub-1_ses-2"]["1"]
    assert (mark.review, mark.comment, mark.results, mark.kind) == ("reject", "an artery", "abc", "new")
    assert mark.where == f"{one}, row 2"


def test_a_table_by_hand_needs_three_columns(tmp_path):
    path = write(tmp_path / "a.tsv", "sub-1_ses-2\t1\taccept", head="pair\tid\treview\n")
    assert read_marks([path])["sub-1_ses-2"]["1"].review == "accept"


def test_the_same_mark_twice_is_one_mark(tmp_path):
    path = write(tmp_path / "a.tsv", *["p\t\t1\tnew\treject\t"] * 2)
    assert len(read_marks([path])["p"]) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (HEAD, "found no row"),
        ("a\tb\n1\t2\n", "found no column pair, id, review"),
        (HEAD + "p\t\t1\tnew\tdelete\t\n", "row 2: found review 'delete'; expected accept, reject, unsure, or nothing"),
        (
            HEAD + "p\t\t1\t\treject\t\np\t\t1\t\taccept\t\n",
            "row 3: found 'accept' for lesion 1 of p; expected 'reject'",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, content, said):
    path = tmp_path / "a.tsv"
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        read_marks([path])
    assert said in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"no-such\.tsv: found no readable table"):
        read_marks([tmp_path / "no-such.tsv"])


def test_the_digest_names_the_pair_and_its_lesions(tmp_path):
    path = write(tmp_path / "lesions.tsv", "1\tnew", head="id\tkind\n")
    first = results_digest("sub-1_ses-2", "1", path)
    assert len(first) == 16 and results_digest("sub-1_ses-2", "1", path) == first
    assert results_digest("sub-2_ses-2", "1", path) != first
    write(path, "1\tgone", head="id\tkind\n")
    assert results_digest("sub-1_ses-2", "1", path) != first
