from __future__ import annotations

from pathlib import Path

import pytest

from newlesions import cli
from newlesions.cohort.outcome import COLUMNS, table_text
from newlesions.commands import demo
from newlesions.images.files import write_text


@pytest.mark.parametrize(
    ("failed", "run_code", "code"),
    [
        ({"sub-broken_ses-M12"}, 1, 0),
        ({"sub-broken_ses-M12", "sub-active_ses-M12"}, 1, 1),
        ({"sub-active_ses-M12"}, 1, 1),
        (set(), 0, 1),
        (set(), 2, 2),
    ],
)
def test_only_the_expected_failure_is_a_success(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    failed: set[str],
    run_code: int,
    code: int,
) -> None:
    def write_demo(folder: Path) -> None:
        folder.mkdir(parents=True)

    def run(words: list[str]) -> int:
        pairs = ("sub-active_ses-M12", "sub-broken_ses-M12")
        states = {pair: "failed" if pair in failed else "done" for pair in pairs}
        rows = [dict.fromkeys(COLUMNS, "") | {"pair": pair, "status": state} for pair, state in states.items()]
        write_text(Path(words[2]) / "newlesions.tsv", table_text(rows))
        return run_code

    monkeypatch.setattr("newlesions.simulate.demo.write_demo", write_demo)
    args = cli.parser().parse_args(["demo", str(tmp_path / "demo")])
    monkeypatch.setattr(cli, "main", run)
    assert demo.command(args) == code
    assert ("The demo passed" in capsys.readouterr().out) == (code == 0)
    assert (tmp_path / "demo" / "bids").is_dir()
