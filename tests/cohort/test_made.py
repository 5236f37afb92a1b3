from __future__ import annotations

import json
from pathlib import Path

import pytest

from newlesions.cohort.made import digest_list, made_of, read_digest_list
from newlesions.cohort.pairs import Pair
from newlesions.cohort.results import STEPS
from newlesions.images.files import write_text

PAIR = Pair.of("01", ("M00", "M12"), ("/a.nii", "/b.nii"))


def write_log(out: Path, step: str, stem: str, version: str, files: dict[str, str]) -> None:
    record = {"newlesions": version, "libraries": {"numpy": "2"}, "files": files}
    write_text(out / "work" / "logs" / step / f"{stem}.log", f"CALL: {{}}\nMADE: {json.dumps(record)}\nend\n")


def test_a_pairs_files_and_versions_come_from_the_logs_of_all_its_steps(tmp_path: Path) -> None:
    write_log(tmp_path, "ingest", "sub-01_ses-M00", "1", {})
    write_log(tmp_path, "finalise", "sub-01_ses-M12_since-M00", "1", {"mask": "aa"})
    write_log(tmp_path, "report", "sub-01_ses-M12", "2", {"page": "bb"})
    write_log(tmp_path, "report", "sub-02_ses-M12", "3", {"other": "cc"})
    made = made_of(tmp_path, PAIR, STEPS)
    assert made.files == {"mask": "aa", "page": "bb"}
    assert [json.loads(text)["newlesions"] for text in made.versions] == ["1", "2"]


def test_the_list_is_read_as_it_was_written() -> None:
    files = {"b c/é.tsv": "0" * 64, "a.json": "1" * 64}
    assert read_digest_list(digest_list(files).splitlines(keepends=True)) == files


@pytest.mark.parametrize("line", ["", "words", f"{'0' * 64} one-space", f"{'0' * 63}  short", f"{'0' * 64}  "])
def test_other_lines_are_refused(line: str) -> None:
    with pytest.raises(ValueError, match="expected a SHA-256, two spaces and a path"):
        read_digest_list([line])
