from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from newlesions import __version__
from newlesions.images.files import write_text
from newlesions.made import made_line, read_made, results_folder


def test_published_outputs_are_recorded_with_their_digests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a run: paths are relative to the results folder, in which the step works."""
    monkeypatch.chdir(tmp_path)
    mask, list_of, further = "sub-01/mask.nii.gz", ["sub-01/a.json", "work/sub-01/b.nii.gz"], Path("sub-01/flirt.mat")
    for name in (mask, *list_of, str(further)):
        write_text(name, name)
    log = Path("work/logs/finalise/sub-01.log")
    line = made_line(log, {"mask": mask, "many": list_of, "absent": "sub-01/absent.tsv"}, [further])
    write_text(log, f"CALL: {{}}\nwords\n{line}\nfinalise took 1.0 s\n")
    made = read_made(log)
    assert made is not None
    names = ["sub-01/a.json", "sub-01/flirt.mat", mask]
    assert made["files"] == {name: sha256(name.encode()).hexdigest() for name in names}
    assert made["newlesions"] == __version__ and "numpy" in made["libraries"]


def test_outputs_of_a_log_elsewhere_are_not_recorded(tmp_path: Path) -> None:
    write_text(tmp_path / "o", "text")
    log = tmp_path / "x.log"
    write_text(log, made_line(log, {"o": str(tmp_path / "o")}))
    made = read_made(log)
    assert made is not None and made["files"] == {}
    assert results_folder(log) is None
    assert results_folder(tmp_path / "out" / "work" / "logs" / "bias" / "x.log") == tmp_path / "out"


def test_a_step_that_failed_or_did_not_run_made_nothing(tmp_path: Path) -> None:
    write_text(tmp_path / "x.log", "CALL: {}\nERROR: no head\n")
    assert read_made(tmp_path / "x.log") is None
    assert read_made(tmp_path / "absent.log") is None
