from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from newlesions.cli import DONE, SOME_FAILED, WRONG_INPUT, main
from newlesions.evaluate.scores import read_table
from newlesions.images.files import read_json


@pytest.fixture
def save(tmp_path, monkeypatch):
    """Saves a cube of ones of a given side on a small grid and returns its path as text."""
    monkeypatch.chdir(tmp_path)

    def save(name, side, kind=np.uint8, value=1, spacing=1.0):
        values = np.zeros((12, 12, 12), kind)
        values[2 : 2 + side, 2 : 2 + side, 2 : 2 + side] = value
        nib.save(nib.Nifti1Image(values, np.diag([spacing, 1, 1, 1])), name)
        return name

    return save


def test_one_pair_in_every_form(save, capsys):
    files = ["--json", "o.json", "--text", "o_global.txt", "--xml", "o_global.xml"]
    code = main(["evaluate", "--reference", save("r.nii.gz", 4), "--prediction", save("p.nii.gz", 4), *files])
    assert code == DONE
    shown = capsys.readouterr().out
    assert [line.split()[1] for line in shown.splitlines() if line.startswith(("Dice", "F1_score"))] == ["1.000000"] * 2
    assert read_json("o.json")["measures"]["Jaccard"] == 1
    assert Path("o_global.txt").read_bytes().startswith(b"1.000000;\t1.000000;\t")
    assert b'<image name="o_global">\r\n' in Path("o_global.xml").read_bytes()


def test_the_tools_switches_and_thresholds(save, capsys):
    arguments = ["evaluate", "--reference", save("r.nii.gz", 4), "--prediction", save("p.nii.gz", 3), "-l"]
    assert main([*arguments, "--json", "a.json"]) == DONE
    assert main([*arguments, "--json", "b.json", "-x", "0.5"]) == DONE
    assert main([*arguments, "--json", "c.json", "-v", "27"]) == DONE
    measures = [read_json(f"{name}.json")["measures"] for name in "abc"]
    assert measures[0] == {"PPVL": 1, "SensL": 1, "F1_score": 1}
    assert measures[1] == {"PPVL": 1, "SensL": 0, "F1_score": 0}, "27 of 64 voxels are covered"
    assert measures[2] == {"PPVL": 0, "SensL": 0, "F1_score": 0}, "27 mm3 are not more than 27 mm3"


def test_many_pairs(save, capsys):
    save("r.nii.gz", 4), save("p.nii.gz", 3), save("none.nii.gz", 0)
    with open("pairs.tsv", "w") as stream:
        stream.write("pair\treference\tprediction\na\tr.nii.gz\tp.nii.gz\nb\tnone.nii.gz\tp.nii.gz\n")
    assert main(["evaluate", "--pairs", "pairs.tsv", "--out", "o/scores.tsv", "--details", "--cores", "1"]) == DONE
    assert [row["F1_score"] for row in read_table("o/scores.tsv")] == ["1.000000", ""]
    assert [row["VolTestedLesions"] for row in read_table("o/scores/empty_references.tsv")] == ["27.000000"]
    assert "2 of 2 pairs scored" in capsys.readouterr().out


def test_one_bad_pair_is_named_and_the_others_scored(save, capsys):
    save("r.nii.gz", 4), save("other.nii.gz", 4, spacing=2.0), save("map.nii.gz", 4, np.float32, 0.4)
    rows = [("a", "r.nii.gz"), ("b", "other.nii.gz"), ("c", "map.nii.gz"), ("d", "missing.nii.gz")]
    with open("pairs.tsv", "w") as stream:
        stream.write("pair\treference\tprediction\n" + "".join(f"{p}\tr.nii.gz\t{f}\n" for p, f in rows))
    assert main(["evaluate", "--pairs", "pairs.tsv", "--out", "scores.tsv", "--cores", "1"]) == SOME_FAILED
    assert [row["pair"] for row in read_table("scores.tsv")] == ["a"]
    said = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in said] == ["b", "c", "d"]
    assert "other.nii.gz: found a grid whose corners lie up to 11 mm off" in said[0]
    assert "--threshold" in said[1]
    assert "missing.nii.gz: found no such file" in said[2]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], "found neither --pairs nor both --reference and --prediction"),
        (["--reference", "r.nii.gz"], "found neither --pairs nor both"),
        (["--pairs", "t.tsv"], "found --pairs without --out"),
        (["--pairs", "t.tsv", "--out", "o.tsv"], "t.tsv: found no such file"),
        (["--pairs", "t.tsv", "--regions", "r"], "found --regions with --pairs"),
        (["--reference", "r", "--prediction", "p", "--out", "o"], "found --out without --pairs"),
        (["--reference", "r", "--prediction", "p"], "r: found no such file"),
        (["--reference", "r", "--prediction", "p", "-x", "0"], "-x: found 0.0"),
        (["--reference", "r", "--prediction", "p", "--rater", "a"], "--rater: found 'a'; expected NAME=FILE"),
        (["--reference", "r", "--prediction", "p", "--region-names", "n"], "n: found no such file"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, monkeypatch, capsys, arguments, found):
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", *arguments]) == WRONG_INPUT
    said = capsys.readouterr().err
    assert found in said
    assert len(said.splitlines()) == 1
