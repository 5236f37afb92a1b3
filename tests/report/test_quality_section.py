from __future__ import annotations

import numpy as np
import pytest

from newlesions.images.files import write_json
from newlesions.images.io import read_volume
from newlesions.report import checks
from newlesions.report.histograms import histogram_plot
from newlesions.report.pair_images import read_pair_images
from newlesions.report.quality_section import quality_section
from newlesions.steps.report import report
from report.synthetic import FOLLOWUP_FROM_HALFWAY, Tags, labels, page_of, write_pair


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    return page_of(tmp_path_factory.mktemp("pair"))


def test_every_part_says_what_was_measured_in_plain_words(page):
    text = Tags(page).text
    for title in ("Registration", "Brain masks", "Bias fields", "Intensities in the brain", "Noise and slices"):
        assert f"{title} ✓ fine" in text
    assert "Follow-up moved 14 mm in z and turned by 3°; registration took that out." in text
    assert "Halfway registration leaves 0.2 mm" in text
    assert "Coil shading varies by 21 % across the brain" in text


def test_pictures_of_every_check_are_there(page):
    alts = [a["alt"] for a in Tags(page).named("img")]
    for beginning in (
        "Checkerboard of baseline",
        "Edges of the baseline",
        "Follow-up minus baseline in the brain",
        "Baseline, axial, with the outline of the brain mask",
        "Bias field of the baseline",
        "Bias field of the follow-up",
    ):
        assert any(alt.startswith(beginning) for alt in alts), beginning
    labels_of_plots = [a.get("aria-label", "") for a in Tags(page).named("svg")]
    assert any(text.startswith("Before harmonisation") and text.endswith("60 % shared") for text in labels_of_plots)
    assert any(text.startswith("After harmonisation") and text.endswith("99 % shared") for text in labels_of_plots)


def test_a_flag_stands_beside_the_result_and_leads_to_its_part(tmp_path):
    tags = Tags(page_of(tmp_path, summary={"inverse_consistency_mm": 0.8}))
    assert "Please look at what is flagged" in tags.text
    assert "! look Registration, there and back : Registering the other way differs by 0.8 mm" in tags.text
    assert "#quality-registration" in {a.get("href") for a in tags.named("a")}
    assert "Registration ! look" in tags.text


def test_what_the_input_checks_said_is_told_and_raises_a_flag(tmp_path):
    remark = "1.4% of the voxels share the highest value: clipped"
    page = page_of(tmp_path, followup_ingest={"warnings": [remark]}, summary={"warnings": f"follow-up: {remark}"})
    text = Tags(page).text
    assert f"! look What the input checks said : follow-up: {remark}" in text
    assert f"Remarks of the input checks none {remark}" in text


def test_results_without_fields_and_histograms_say_so(tmp_path):
    arguments = write_pair(tmp_path)
    del arguments["baseline_field"], arguments["followup_field"]
    write_json(arguments["harmonise"], {"joint_gain": 1.0})
    report(labels(), **arguments, out_html=tmp_path / "page.html", settings={})
    text = Tags((tmp_path / "page.html").read_text()).text
    assert "the bias fields of these results were not kept" in text
    assert "the histograms of these results were not counted" in text


def test_a_field_is_shown_where_it_lies_and_in_percent(tmp_path, monkeypatch):
    arguments = write_pair(tmp_path)
    names = ("baseline", "followup", "change", "probability", "brain")
    images = read_pair_images(*(arguments[name] for name in names))
    drawn = []
    monkeypatch.setattr(checks, "diverging", lambda flat, limit: drawn.append(flat) or np.zeros((*flat.shape, 3), "u1"))
    checks.field_figures(images, (read_volume(arguments["followup_field"]), FOLLOWUP_FROM_HALFWAY), "Follow-up")
    axial, coronal, sagittal = drawn[1], drawn[3], drawn[4]
    outside = ~checks.section(images.brain, *checks.sections(images)[1])
    assert not axial[outside].any()
    # The patient's right, where the field is strong, is on the left; the middle of the brain is the median.
    assert axial[:, 10].max() > 5 and coronal[:, -10].min() < -5
    middle = np.abs(axial[axial.shape[0] // 2, axial.shape[1] // 2])
    assert middle < 2 and np.ptp(sagittal) < 2


def test_curves_stay_in_their_box():
    counted = {"low": 10.0, "high": 50.0, "baseline": [9, 1, 4, 0, 9], "followup": [0, 2, 2, 2, 0], "overlap": 0.5}
    plot = histogram_plot(counted, "Before")
    points = [tuple(map(float, point.split())) for point in plot.baseline.removeprefix("M").split("L")]
    assert len(points) == 3
    assert all(0 <= x <= 600 and 8 <= y <= 158 for x, y in points)
    assert plot.ticks[0] == (0, "10") and plot.ticks[-1] == (600, "50")
    empty = histogram_plot({**counted, "baseline": [0] * 5, "followup": [0] * 5}, "Before")
    assert "nan" not in empty.baseline


def test_without_any_number_nothing_is_judged(tmp_path):
    arguments = write_pair(tmp_path)
    names = ("baseline", "followup", "change", "probability", "brain")
    section = quality_section({}, read_pair_images(*(arguments[name] for name in names)), [{}, {}])
    assert section.severity == "fine" and section.flags == [] and section.raised == []
    assert section.scans[0]["shape"] == "–"
