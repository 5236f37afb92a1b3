from __future__ import annotations

from newlesions.dicom.labels import session_labels, shifted, subject_labels


def test_subjects_are_numbered_and_keep_their_numbers() -> None:
    first = subject_labels(["B", "C"], {})
    assert first == {"B": "001", "C": "002"}
    assert subject_labels(["A", "B", "C"], first) == {"A": "003", **first}
    assert subject_labels(["A", "D"], {"B": "001", "C": "MS7"}) == {"B": "001", "C": "MS7", "A": "002", "D": "003"}


def test_sessions_are_called_by_months_since_the_first() -> None:
    dates = ["20210304", "20210902", "20220303", "20220310", "20310301"]
    assert list(session_labels(dates, {}).values()) == ["M00", "M06", "M12", "M12b", "M120"]


def test_known_sessions_keep_their_labels_and_nothing_comes_before_them() -> None:
    known = {"20210304": "M00", "20220303": "year1"}
    assert session_labels(["20200101", "20210902"], known) == {**known, "20210902": "M06"}


def test_shifted_dates_keep_their_distances() -> None:
    assert shifted("20210304", "20210304") == "1900-01-01"
    assert shifted("20220303", "20210304") == "1900-12-31"
