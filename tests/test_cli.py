from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from newlesions import cli, house
from newlesions.cli import main


def fails(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error of a command that must end with 2."""
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error


@pytest.fixture
def bids(tmp_path: Path) -> Path:
    """A BIDS folder with two sessions; indexing reads bytes, not images."""
    for session in ("1", "2"):
        path = tmp_path / "bids" / "sub-01" / f"ses-{session}" / "anat" / f"sub-01_ses-{session}_FLAIR.nii.gz"
        path.parent.mkdir(parents=True)
        path.write_bytes(session.encode())
    return tmp_path / "bids"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(
        f"    {name}" in text
        for name in ("run", "index", "demo", "table", "report", "recipes", "doctor", "train", "dicom", "dicom-seg")
    )


def test_help_needs_no_heavy_library() -> None:
    code = "import sys, newlesions.cli as c; c.parser(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "nibabel", "scipy", "yaml", "jsonschema", "snakemake", "torch", "ants"} & set(loaded)


def test_the_form_of_bids_apps_is_run() -> None:
    same = ["bids", "out", "--cores", "2", "--participant-label", "01", "02"]
    app = cli.parser().parse_args(cli._bids_app([*same[:2], "participant", *same[2:]]))
    run = cli.parser().parse_args(["run", *same])
    assert app == run
    assert (run.participant_label, run.cores) == (["01", "02"], "2")


def test_the_level_group_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bids", "out", "group"])
    assert ended.value.code == 2
    assert "participant" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["nonesuch"], ["run", "a"], ["run", "a", "b", "--cores", "0"]])
def test_wrong_arguments_end_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_arguments_for_snakemake_only_go_to_run(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["recipes", "--", "-n"])
    assert ended.value.code == 2
    assert "are for `run`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--recipe", "nonesuch"], "recipe: found 'nonesuch'; expected one of"),
        (["--set", "candidates.k=high"], "candidates.k: found 'high'; expected number"),
        (["--set", "candidate.k=3"], "found 'candidate'; expected only"),
        (["--profile", "nonesuch"], "--profile: found 'nonesuch'; expected one of default"),
        (["--configfile", "nonesuch.yaml"], "nonesuch.yaml: found"),
        (["--recipe", "prados2021"], "recipe prados2021: found no model; expected --model MODEL_DIR"),
        (["--model", "nonesuch"], "nonesuch: found no model.json there"),
        (["--participant-label", "99"], "--participant-label"),
    ],
)
def test_a_wrong_configuration_starts_nothing(
    arguments: list[str], message: str, bids: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in fails(["run", str(bids), str(tmp_path / "out"), *arguments], capsys)
    assert not (tmp_path / "out" / "pairs.tsv").exists()


def test_a_missing_input_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nonesuch: found no such file or folder" in fails(
        ["run", str(tmp_path / "nonesuch"), str(tmp_path / "o")], capsys
    )


def test_results_do_not_go_into_the_input_folder(bids: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "found the input folder" in fails(["run", str(bids), str(bids)], capsys)


def test_a_results_folder_that_cannot_be_made_is_named(
    bids: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert "expected a folder that can be written" in fails(["run", str(bids), str(tmp_path / "file" / "out")], capsys)


def test_index_writes_the_table_and_says_what_it_did(
    bids: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["index", str(bids), "-o", str(tmp_path / "pairs.tsv"), "--participant-label", "sub-01"]) == 0
    said = capsys.readouterr().out
    assert "--participant-label sub-01: kept 1 subject" in said
    assert (tmp_path / "pairs.tsv").read_text().splitlines()[1].startswith("sub-01_ses-2\t01\t1\t2\t")
    assert (tmp_path / "pairs.json").is_file()


def test_recipes_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in house.recipes())
    lines = {line.split()[0]: line for line in said.splitlines() if line}
    assert re.search(r" runs as it is +complete$", lines["subtraction"])
    assert re.search(r" to be trained first \(newlesions train\) +complete$", lines["prados2021"])
    assert "systems of the challenge: 32 of 32 complete" in said
    assert main(["recipes", "subtraction"]) == 0
    assert capsys.readouterr().out == house.recipes()["subtraction"].read_text()


def test_table_and_report_want_the_folder_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "config.json: found no such file" in fails(["table", str(tmp_path)], capsys)
    assert "pairs.tsv: found no readable table" in fails(["report", str(tmp_path)], capsys)


def test_doctor_tells_versions_and_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "antspyx" in said
    assert "missing: hd-bet on the PATH" in said
    assert "dcm2niix on the PATH (Debian" in said
