"""`newlesions verify` without a rerun: tests/workflow/test_reprocess.py runs pairs again."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from newlesions import cli
from newlesions.cohort.results import labels_file, page_file
from newlesions.images.files import read_json, write_json, write_text
from newlesions.reprocess import circumstances
from reprocess.results import Results

Found = list[tuple[str, str, str]]


def verify(out: Path, *more: str) -> tuple[int, Found, dict[str, Any]]:
    """The exit code, (about, state, name) of each finding, and the JSON."""
    report = out.parent / "verify.json"
    code = cli.main(["verify", str(out), "--sample", "0", "--json", str(report), *more])
    content = read_json(report)
    found = [(item["about"], item["state"], item["name"]) for check in content["checks"] for item in check["findings"]]
    return code, found, content


def test_what_is_as_it_was_passes_and_nothing_is_written(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(out.rglob("*"))
    code, found, content = verify(out)
    assert (code, found, content["equal"]) == (0, [], True)
    assert sorted(out.rglob("*")) == before
    said = capsys.readouterr().out
    assert "all as recorded" in said and content["provenance_sha256"] in said
    counts = {check["about"]: check["checked"] for check in content["checks"]}
    assert counts["outputs"] == 4 * 2 + 9 + 1 and counts["inputs"] == 4 and counts["pairs"] == 2


def test_the_list_is_one_that_sha256sum_reads(out: Path) -> None:
    done = subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "sha256sums.txt"], cwd=out, check=False)
    assert done.returncode == 0


def test_each_thing_that_happened_to_an_output_is_named(results: Results, out: Path) -> None:
    one, two = results.pairs
    labels, page = labels_file(out, one), page_file(out, two)
    labels.write_bytes(labels.read_bytes() + b"0")
    page.unlink()
    write_text(out / "sub-01" / "notes.txt", "mine")
    write_text(out / ".git" / "config", "of no concern")
    code, found, _ = verify(out)
    assert code == 1
    assert found == [
        ("outputs", "changed", labels.relative_to(out).as_posix()),
        ("outputs", "missing", page.relative_to(out).as_posix()),
        ("outputs", "unexpected", "sub-01/notes.txt"),
    ]


@pytest.mark.parametrize("name", ["newlesions.tsv", "index.html", "pairs.json", "CITATION.md"])
def test_files_about_the_cohort_are_outputs_too(out: Path, name: str) -> None:
    with open(out / name, "a", encoding="utf-8") as stream:
        stream.write("\n")
    assert verify(out)[:2] == (1, [("outputs", "changed", name)])


def test_a_list_that_somebody_changed_does_not_pass(out: Path) -> None:
    path = out / "sha256sums.txt"
    path.write_text(path.read_text().replace("a", "b", 1))
    assert ("outputs", "changed", "sha256sums.txt") in verify(out)[1]
    path.write_text("not a list\n")
    assert verify(out)[:2] == (1, [("outputs", "changed", "sha256sums.txt")])
    path.unlink()
    assert verify(out)[:2] == (1, [("outputs", "missing", "sha256sums.txt")])


def test_inputs_that_changed_or_went_are_named(results: Results, out: Path) -> None:
    scans = [Path(results.pairs[0].baseline), Path(results.pairs[1].followup)]
    scans[0].write_text("another scan")
    scans[1].unlink()
    code, found, _ = verify(out)
    assert code == 1
    assert found == [
        ("inputs", "changed", f"sub-01_ses-M00: {scans[0].name}"),
        ("inputs", "missing", f"sub-02_ses-M12: {scans[1].name}"),
    ]


def test_inputs_that_moved_are_found_where_they_are_now(results: Results, out: Path) -> None:
    results.bids.rename(results.bids.with_name("archive"))
    assert verify(out)[0] == 1
    assert verify(out, "--moved", f"{results.bids}={results.bids.with_name('archive')}")[:2] == (0, [])


def test_a_pairs_table_of_other_pairs_is_told(results: Results, out: Path) -> None:
    path = out / "pairs.tsv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:2]).replace(results.pairs[0].followup_sha256, "0" * 64) + "\n")
    _, found, _ = verify(out)
    assert [item for item in found if item[0] == "pairs"] == [
        ("pairs", "changed", "pairs.tsv: sub-02_ses-M12"),
        ("pairs", "changed", "pairs.tsv: sub-01_ses-M12"),
    ]


def test_a_failed_pair_is_a_remark_and_its_old_files_are_unexpected(results: Results) -> None:
    results.waiting("03")
    assert verify(results.finish())[:2] == (0, [("pairs", "failed", "sub-03_ses-M12")])
    write_text(results.out / "sub-03" / "ses-M12" / "anat" / "old.nii.gz", "of an earlier run")
    assert ("outputs", "unexpected", "sub-03/ses-M12/anat/old.nii.gz") in verify(results.out)[1]


def test_other_versions_are_a_remark(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = circumstances.versions()
    libraries = {**now["libraries"], "numpy": "99.0"}
    monkeypatch.setattr(circumstances, "versions", lambda: {**now, "libraries": libraries})
    code, found, content = verify(out)
    assert (code, found) == (0, [("versions", "other", "numpy")])
    (finding,) = content["checks"][-1]["findings"]
    assert finding["expected"].endswith("(2 pairs)") and finding["found"] == "99.0"


def test_other_settings_and_recipes_are_named(out: Path) -> None:
    path = out / "work" / "config.json"
    config = read_json(path)
    write_json(path, {**config, "override": {"candidates": {"k": 4.5}}})
    assert verify(out)[:2] == (1, [("settings", "changed", "candidates.k")])
    write_json(path, {**config, "recipe": "no-such-recipe"})
    assert verify(out)[:2] == (1, [("settings", "changed", "work/config.json")])
    path.unlink()
    assert verify(out)[:2] == (0, [("settings", "missing", "work/config.json")])


def test_shipped_data_of_another_digest_are_named(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circumstances, "shipped", lambda: {"nyul_flair.json": "0" * 64})
    code, found, _ = verify(out)
    assert code == 1
    assert found == [("weights", "missing", "mni_regions.nii.gz"), ("weights", "changed", "nyul_flair.json")]


@pytest.mark.parametrize("spoil", ["provenance.json", "newlesions.tsv", "pairs.tsv"])
def test_a_wrong_folder_is_refused(out: Path, spoil: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["verify", str(out / "absent")]) == 2
    (out / spoil).unlink()
    assert cli.main(["verify", str(out)]) == 2
    assert f"{spoil}: found no such file; expected the results folder" in capsys.readouterr().err


def test_a_record_without_digests_is_refused(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = out / "provenance.json"
    record = json.loads(path.read_text())
    write_json(path, {key: value for key, value in record.items() if key != "outputs"})
    assert cli.main(["verify", str(out)]) == 2
    assert "found no digests of the outputs" in capsys.readouterr().err
    path.write_text("{")
    assert cli.main(["verify", str(out)]) == 2


@pytest.mark.parametrize("option", [["--sample", "-1"], ["--moved", "here"], ["--keep", "."]])
def test_wrong_options_are_refused(out: Path, option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["verify", str(out), *option]) == 2
    assert option[0] in capsys.readouterr().err
