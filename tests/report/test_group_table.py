from __future__ import annotations

import csv
import io

from newlesions.report.flags import RULES
from newlesions.report.group_table import COLUMNS, group_rows, group_sidecar, group_text
from report.cohort import quality, row


def test_a_row_holds_the_numbers_and_the_flags_of_its_pair():
    (found,) = quality([row(1)], noise_percent=13.0, moved_z_mm=90.25, warnings="baseline: clipped\tand\nso on")
    assert found["bids_name"] == "sub-01_ses-M12_FLAIR" and found["status"] == "done"
    assert (found["severity"], found["flags"]) == ("bad", "noise=bad;movement=look;inputs=look")
    assert found["moved_z_mm"] == "90.25" and found["snr_baseline"] == ""
    assert found["warnings"] == "baseline: clipped and so on"


def test_a_failed_pair_has_a_row_without_numbers():
    (found,) = group_rows([{**row(1, status="failed"), "noise": ""}], {})
    assert (found["pair"], found["status"]) == ("sub-01_ses-M12", "failed")
    assert found["severity"] == found["flags"] == found["moved_x_mm"] == ""


def test_the_text_reads_back_as_the_rows():
    rows = quality([row(1), row(2)])
    read = list(csv.DictReader(io.StringIO(group_text(rows)), delimiter="\t", quoting=csv.QUOTE_NONE))
    assert read == rows and list(read[0]) == list(COLUMNS)


def test_every_column_and_every_rule_is_described():
    columns = group_sidecar()
    assert list(columns) == list(COLUMNS)
    assert all(meaning["Description"] for meaning in columns.values())
    assert list(columns["flags"]["Rules"]) == [rule.key for rule in RULES]
    assert "Bad" not in columns["flags"]["Rules"]["movement"]
