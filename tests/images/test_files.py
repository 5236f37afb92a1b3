from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from newlesions.images.files import (
    read_json,
    remove_unfinished,
    sha256,
    write_atomically,
    write_bytes,
    write_json,
    write_text,
)


def test_text_is_utf8_and_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.txt"
    write_text(path, "Läsion\n")
    assert path.read_bytes() == "Läsion\n".encode()
    assert [entry.name for entry in path.parent.iterdir()] == ["a.txt"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    write_bytes(path, b"old")

    def fail(temporary: Path) -> None:
        temporary.write_bytes(b"half")
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        write_atomically(path, fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_without_an_old_file_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(tmp_path / "a.json", {"x": float("nan")})

    def vanish(temporary: Path) -> None:
        temporary.unlink()

    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "b", vanish)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "suffix"), [("a.nii.gz", ".nii.gz"), ("a.mat", ".mat"), ("a", "")])
def test_the_temporary_name_keeps_the_suffix_and_the_folder(tmp_path: Path, name: str, suffix: str) -> None:
    seen: list[Path] = []

    def write(temporary: Path) -> None:
        seen.append(temporary)
        temporary.write_bytes(b"x")

    write_atomically(tmp_path / name, write)
    assert seen[0].parent == tmp_path
    assert seen[0].name.endswith(suffix)
    assert seen[0].name != name


def test_files_get_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    old = os.umask(0o027)
    try:
        write_bytes(tmp_path / "ours", b"")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == 0o640


def test_json_round_trip_keeps_the_order_of_keys(tmp_path: Path) -> None:
    content = {"b": [1, 2.5, None], "a": {"ä": True}}
    write_json(tmp_path / "x.json", content)
    assert read_json(tmp_path / "x.json") == content
    assert list(read_json(tmp_path / "x.json")) == ["b", "a"]
    assert (tmp_path / "x.json").read_text(encoding="utf-8").endswith("}\n")


def test_sha256_is_that_of_the_bytes(tmp_path: Path) -> None:
    write_bytes(tmp_path / "x", b"abc" * 100_000)
    assert sha256(tmp_path / "x") == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "whole.txt", "x")
    (tmp_path / "a" / ".writing-abc.nii.gz").write_bytes(b"half")
    (tmp_path / "a" / "writing-abc").write_bytes(b"whole")
    remove_unfinished(tmp_path)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["whole.txt", "writing-abc"]
