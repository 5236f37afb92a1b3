from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import write_pairs
from newlesions.cohort.results import cohort_files, lesions_file, page_file, summary_file
from newlesions.images.files import write_json, write_text
from newlesions.report.tables import read_rows
from newlesions.settings import read_config, settle
from newlesions.steps.table import table

PAIRS = [
    Pair.of("01", ("M00", "M12"), ("/home/someone/bids/a_FLAIR.nii", "/home/someone/bids/b_FLAIR.nii")),
    Pair.of("02", ("M00", "M06"), ("/home/someone/bids/c_FLAIR.nii", "/home/someone/bids/d_FLAIR.nii")).with_values(
        baseline_sha256="0" * 64
    ),
]


def finish(out: Path, pair: Pair) -> None:
    """What the steps of a pair leave that the table reads."""
    write_json(summary_file(out, pair), {"new_count": 1, "new_volume_mm3": 12.0, "brain_overlap": 0.92})
    write_text(page_file(out, pair), "page")
    values = "1\tnew\t12\t1\t0\t0\t0\t20\t-20\t20\tdeep white"
    write_text(
        lesions_file(out, pair),
        "id\tkind\tvolume_mm3\tvoxels\tx_mm\ty_mm\tz_mm\tmni_x_mm\tmni_y_mm\tmni_z_mm\tregion\n" + values + "\n",
    )


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    write_pairs(tmp_path / "pairs.tsv", PAIRS)
    write_json(tmp_path / "pairs.json", {"input": "bids", "skipped": [{"subject": "09", "reason": "one session"}]})
    finish(folder, PAIRS[0])
    return folder


def write(out: Path) -> dict[str, Path]:
    files: dict[str, Any] = cohort_files(out)
    table(pairs=out.parent / "pairs.tsv", settings=settle(read_config()), **files)
    return files


def test_every_file_about_the_cohort_is_written(out: Path) -> None:
    files = write(out)
    assert all(path.is_file() for name, path in files.items() if name != "complete")
    assert (out / "pairs.tsv").read_bytes() == (out.parent / "pairs.tsv").read_bytes()
    description = json.loads(files["description"].read_text())
    assert description["DatasetType"] == "derivative"
    assert description["GeneratedBy"][0]["Name"] == "newlesions"
    assert description["SourceDatasets"] == [{"URL": "bids"}]
    assert "newSinceM00\t" in files["labels"].read_text()
    assert "sub-09" in files["page"].read_text()


def test_the_group_table_has_a_row_per_pair_and_says_what_its_columns_mean(out: Path) -> None:
    files = write(out)
    done, failed = read_rows(files["quality"])
    assert (done["bids_name"], done["severity"], done["flags"]) == (
        "sub-01_ses-M12_FLAIR",
        "look",
        "brain_overlap=look",
    )
    assert (failed["pair"], failed["status"], failed["severity"]) == ("sub-02_ses-M06", "failed", "")
    columns = json.loads(files["quality_columns"].read_text())
    assert list(columns) == list(done)
    assert columns["flags"]["Rules"]["brain_overlap"]["Look"] == 0.95


def test_the_page_shows_where_lesions_lie_until_their_table_is_gone(out: Path) -> None:
    assert "Where new lesions lie" in write(out)["page"].read_text()
    lesions_file(out, PAIRS[0]).unlink()
    assert "Where new lesions lie" not in write(out)["page"].read_text()


def test_the_mark_of_completeness_comes_and_goes(out: Path) -> None:
    assert not write(out)["complete"].exists()
    finish(out, PAIRS[1])
    assert write(out)["complete"].is_file()
    summary_file(out, PAIRS[1]).unlink()
    assert not write(out)["complete"].exists()


def test_nothing_tells_of_the_machine_and_equal_runs_give_equal_files(out: Path) -> None:
    files = write(out)
    first = {name: path.read_bytes() for name, path in files.items() if path.exists()}
    for name, content in first.items():
        assert b"/home/" not in content, name
        assert str(out.parent).encode() not in content, name
    write(out)
    assert first == {name: path.read_bytes() for name, path in files.items() if path.exists()}


def test_provenance_names_inputs_settings_and_versions(out: Path) -> None:
    record = json.loads(write(out)["provenance_record"].read_text())
    assert record["inputs"][2] == {"subject": "02", "session": "M00", "scan": "c_FLAIR.nii", "sha256": "0" * 64}
    assert record["settings"]["candidates"]
    assert {"numpy", "antspyx", "snakemake"} <= record["libraries"].keys()
    assert record["recipe"]["id"] == "subtraction"


def test_the_source_is_named_by_its_doi(tmp_path: Path) -> None:
    (tmp_path / "dataset_description.json").write_text('{"DatasetDOI": "doi:10.1/x"}')
    pair = Pair.of("01", ("1", "2"), (str(tmp_path / "a_FLAIR.nii"), str(tmp_path / "b_FLAIR.nii")))
    write_pairs(tmp_path / "pairs.tsv", [pair])
    description = json.loads(write(tmp_path / "out")["description"].read_text())
    assert description["SourceDatasets"] == [{"DOI": "doi:10.1/x"}]
