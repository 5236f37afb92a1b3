from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from newlesions.cohort.alike import by_subject, shape_of, untouched
from newlesions.cohort.pairs import Pair


def rows(subject: str, *sessions: tuple[str, str]) -> list[Pair]:
    return [Pair.of(subject, both, (f"/{subject}/{both[0]}.nii", f"/{subject}/{both[1]}.nii")) for both in sessions]


def test_names_make_no_difference_to_a_shape() -> None:
    assert shape_of(rows("01", ("M00", "M12"), ("M12", "M24"))) == shape_of(rows("02", ("a", "b"), ("b", "c")))


def test_sessions_that_are_shared_otherwise_do() -> None:
    assert shape_of(rows("01", ("a", "b"), ("b", "c"))) != shape_of(rows("01", ("a", "b"), ("a", "c")))


def test_what_a_pair_comes_with_does() -> None:
    (plain,) = rows("01", ("a", "b"))
    others = [
        plain.with_values(reference="/r.nii"),
        plain.with_values(baseline_brain="/b.nii"),
        replace(plain, aligned="yes"),
    ]
    assert len({shape_of([plain]), *(shape_of([other]) for other in others)}) == 4


def test_subjects_with_any_folder_of_results_are_begun(tmp_path: Path) -> None:
    (tmp_path / "sub-01").mkdir()
    (tmp_path / "work" / "sub-02").mkdir(parents=True)
    assert untouched(tmp_path, ["01", "02", "03"]) == {"03"}
    assert untouched(tmp_path / "absent", ["01"]) == {"01"}


def test_pairs_keep_their_order_within_their_subject() -> None:
    first, second = rows("01", ("a", "b"), ("b", "c"))
    (other,) = rows("02", ("a", "b"))
    assert by_subject([first, other, second]) == {"01": [first, second], "02": [other]}
