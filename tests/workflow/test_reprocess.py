"""`newlesions verify` and `diff` on a finished run, with quick steps: pairs are really run again."""

from __future__ import annotations

import pytest

from newlesions.images.files import read_json
from workflow.quick import Quick

MASK = "sub-01/ses-M12/anat/sub-01_ses-M12_space-orig_label-lesion_desc-newSinceM00_mask.nii.gz"


def say(cohort: Quick, *words: str) -> tuple[int, str]:
    process = cohort.newlesions(*words)
    said, _ = process.communicate(timeout=300)
    return process.returncode, said


@pytest.fixture
def finished(quick: Quick) -> Quick:
    """A finished run with a reference and a setting of its own."""
    quick.reference("01", "M12")
    code, said = quick.run("--references", str(quick.references), "--set", "candidates.k=4.5")
    assert code == 0, said
    return quick


def test_a_rerun_gives_the_same_bytes_until_a_step_gives_others(finished: Quick) -> None:
    before = finished.results()
    code, said = say(finished, "verify", "out", "--json", "verify.json", "--cores", "2")
    assert code == 0, said
    report = read_json(finished.folder / "verify.json")
    rerun = report["checks"][-1]
    assert report["equal"] and report["rerun"]["pairs"] == ["sub-01_ses-M12"]
    assert (rerun["about"], rerun["checked"], rerun["differ"]) == ("rerun", 23, 0)
    assert finished.results() == before, "the results folder is left alone"

    step = finished.folder / "site" / "steps" / "finalise.py"
    step.write_text(step.read_text().replace("new_count=3", "new_count=4"))
    code, said = say(finished, "verify", "out", "--keep", "again", "--seed", "1", "--cores", "2")
    assert code == 1, said
    assert f"changed  {MASK}" in said
    assert (finished.folder / "again" / "out" / MASK).is_file()


def test_what_was_made_is_recorded_with_its_digest_and_its_versions(finished: Quick) -> None:
    record = read_json(finished.out / "provenance.json")
    assert record["pairs"][0]["made_with"] == [0] and len(record["versions"]) == 1
    listed = {line.split("  ")[1] for line in (finished.out / "sha256sums.txt").read_text().splitlines()}
    published = {name for name in finished.results() if not name.startswith("work/")}
    assert published - listed == {"pairs.tsv", "provenance.json", "sha256sums.txt"}
    assert listed <= published
