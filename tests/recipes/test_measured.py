from __future__ import annotations

from pathlib import Path

import pytest

from newlesions.errors import ConfigError
from newlesions.recipes import measured


def row(name: str, **values: str) -> measured.Row:
    return dict.fromkeys(measured.COLUMNS, "") | {"recipe": name} | values


def test_what_is_written_is_read(tmp_path: Path) -> None:
    rows = [row("b", Dice="0.5", remark="one, two"), row("a")]
    measured.write(tmp_path / "m.tsv", rows)
    assert measured.read(tmp_path / "m.tsv") == {"a": rows[1], "b": rows[0]}
    assert measured.read(tmp_path / "absent.tsv") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("recipe\tdice\n", "found columns recipe, dice; expected recipe, cohort"),
        ("\t".join(measured.COLUMNS) + "\na\n", "line 2: found 1 cells; expected"),
        (
            "\t".join(measured.COLUMNS) + 2 * ("\na" + "\t" * (len(measured.COLUMNS) - 1)) + "\n",
            "line 3: found a second row of a",
        ),
    ],
)
def test_another_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "m.tsv").write_text(text)
    with pytest.raises(ConfigError, match=message):
        measured.read(tmp_path / "m.tsv")
