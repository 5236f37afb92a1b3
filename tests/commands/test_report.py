from __future__ import annotations

from pathlib import Path

import pytest

from newlesions.cli import main
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import write_pairs

BROWSER = """#!/bin/sh
for word in "$@"; do case "$word" in --print-to-pdf=*) echo "%PDF-1.4" > "${word#--print-to-pdf=}";; esac; done
"""


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Results of two pairs, of which the first has a page; and a browser that prints at once."""
    program = tmp_path / "chrome"
    program.write_text(BROWSER)
    program.chmod(0o755)
    monkeypatch.setenv("CHROME_PATH", str(program))
    folder = tmp_path / "out"
    digests = {"baseline_sha256": "0" * 64, "followup_sha256": "1" * 64}
    pairs = [Pair.of(s, ("1", "2"), ("/a.nii", "/b.nii")).with_values(**digests) for s in ("01", "02")]
    write_pairs(folder / "pairs.tsv", pairs)
    (folder / "sub-01").mkdir()
    (folder / "sub-01" / "sub-01_ses-2.html").write_text("<html><head></head></html>")
    return folder


def test_the_pages_that_are_there_are_printed(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(out), "--pdf"]) == 0
    assert capsys.readouterr().out == f"{out / 'sub-01' / 'sub-01_ses-2.pdf'}\n"
    assert (out / "sub-01" / "sub-01_ses-2.pdf").read_bytes() == b"%PDF-1.4\n"


def test_a_named_pair_without_a_page_is_told(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(out), "--pdf", "--participant-label", "sub-01", "02"]) == 1
    assert (
        capsys.readouterr().err == "newlesions: sub-02_ses-2: found no page; expected one, as of a pair that is done\n"
    )
    assert (out / "sub-01" / "sub-01_ses-2.pdf").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--participant-label", "03"],
            "--participant-label: found 03, which matches nothing; expected some of 01",
        ),
        (["sub-03_ses-2"], "sub-03_ses-2: found no such pair in"),
        (["sub-02_ses-2", "--pdf"], "found no page of these pairs"),
    ],
)
def test_what_is_not_there_is_one_line(
    out: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(out), *words]) == 2
    assert message in capsys.readouterr().err
