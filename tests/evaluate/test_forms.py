from __future__ import annotations

import json
import math
from xml.etree import ElementTree

from newlesions.evaluate.forms import json_form, table_form, text_form, xml_form
from newlesions.evaluate.measures import EMPTY
from newlesions.evaluate.overlap import UNDEFINED

MEASURES = {"Jaccard": 0.0, "PPV": UNDEFINED, "HausdorffDistance": math.nan, "SensL": 2 / 3}


def test_text_has_fifteen_fields_blank_where_a_measure_does_not_apply():
    assert text_form(MEASURES) == "0.000000;\t;\t;\t;\t-nan;\t;\t;\tnan;\t;\t;\t;\t0.666667;\t;\t;\t;\t\r\n"
    assert text_form(dict.fromkeys(EMPTY, 0.0)) == ";\t" * 13 + "0.000000;\t" * 2 + "\r\n"


def test_xml_has_the_measures_that_apply():
    text = xml_form(MEASURES, 'a "b" & c')
    assert text.count("\n") == text.count("\r\n") == 7
    root = ElementTree.fromstring(text)
    assert root.get("name") == 'a "b" & c'
    assert [(m.get("name"), m.text) for m in root] == [
        ("Jaccard", "0.000000"), ("PPV", "-nan"), ("HausdorffDistance", "nan"), ("SensL", "0.666667"),
    ]  # fmt: skip


def test_json_has_six_decimals_for_the_tools_measures_and_no_nan():
    result = {
        "pair": "p",
        "measures": MEASURES,
        "additions": {"assd_mm": math.nan, "x": 1 / 3},
        "gone": None,
        "raters": [],
    }
    written = json.loads(json.dumps(json_form(result), allow_nan=False))
    assert written["measures"] == {"Jaccard": 0, "PPV": "nan", "HausdorffDistance": "nan", "SensL": 0.666667}
    assert written["additions"] == {"assd_mm": "nan", "x": 1 / 3}
    assert written["gone"] is None


def test_the_table_for_people():
    lines = table_form({"measures": MEASURES, "additions": {"reference_count": 2, "assd_mm": 0.5}}).splitlines()
    assert lines[0].split()[:2] == ["Jaccard", "0.000000"]
    assert lines[1].split()[:2] == ["PPV", "nan"]
    assert lines[4] == ""
    assert [line.split() for line in lines[5:]] == [["reference_count", "2"], ["assd_mm", "0.500000"]]
