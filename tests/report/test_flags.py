from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from newlesions.report.flags import RULES, SEVERITIES, Flag, Rule, flags_of, overall, raised
from newlesions.report.group_table import COLUMNS
from newlesions.report.measures import measures_of

SOUND = {
    "registration_correlation": "0.95",
    "inverse_consistency_mm": "0.1",
    "moved_x_mm": "1",
    "moved_y_mm": "-2",
    "moved_z_mm": "14",
    "rotated_deg": "3",
    "brain_overlap": "0.97",
    "brain_baseline_ml": "1200",
    "brain_followup_ml": "1190",
    "brain_cut_baseline_cm2": "0",
    "brain_cut_followup_cm2": "3",
    "snr_baseline": "30",
    "snr_followup": "40",
    "inu_range_baseline": "0.1",
    "inu_range_followup": "0.2",
    "differential_bias_sd": "0.02",
    "histogram_overlap": "0.985",
    "noise_percent": "4",
    "slice_baseline_mm": "1",
    "slice_followup_mm": "1.2",
    "warnings": "",
}


def flag(key: str, **changes: str) -> Flag:
    return next(found for found in flags_of(SOUND | changes) if found.rule.key == key)


def test_every_rule_judges_a_sound_pair_and_finds_nothing():
    flags = flags_of(SOUND)
    assert [found.rule for found in flags] == list(RULES)
    assert overall(flags) == "fine" and raised(flags) == []


@pytest.mark.parametrize(
    ("key", "changes", "severity"),
    [
        ("movement", {"moved_z_mm": "80"}, "look"),
        ("rotation", {"rotated_deg": "40"}, "look"),
        ("residual", {"inverse_consistency_mm": "0.8"}, "look"),
        ("residual", {"inverse_consistency_mm": "2"}, "bad"),
        ("similarity", {"registration_correlation": "0.8"}, "look"),
        ("similarity", {"registration_correlation": "0.3"}, "bad"),
        ("brain_overlap", {"brain_overlap": "0.92"}, "look"),
        ("brain_volume", {"brain_followup_ml": "1130"}, "look"),
        ("brain_volume", {"brain_followup_ml": "1400"}, "bad"),
        ("cut_off", {"brain_cut_baseline_cm2": "70"}, "bad"),
        ("bias_field", {"inu_range_followup": "0.6"}, "look"),
        ("bias_left", {"differential_bias_sd": "0.3"}, "bad"),
        ("intensities", {"histogram_overlap": "0.9"}, "look"),
        ("snr", {"snr_followup": "7"}, "bad"),
        ("noise", {"noise_percent": "9"}, "look"),
        ("thickness", {"slice_baseline_mm": "6", "slice_followup_mm": "6"}, "look"),
        ("slices_differ", {"slice_baseline_mm": "3"}, "look"),
        ("inputs", {"warnings": "baseline: clipped"}, "look"),
    ],
)
def test_one_number_beyond_its_limit_raises_its_rule_alone(key, changes, severity):
    flags = flags_of(SOUND | changes)
    assert [(found.rule.key, found.severity) for found in raised(flags)] == [(key, severity)]
    assert overall(flags) == severity


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.key)
def test_a_limit_is_on_its_better_side_and_bad_lies_beyond_look(rule):
    sign = 1 if rule.worse == "above" else -1
    assert rule.severity(rule.look) == "fine" and rule.severity(rule.look + sign * 1e-6) == "look"
    if rule.bad is not None:
        assert sign * rule.bad > sign * rule.look
        assert rule.severity(rule.bad) == "look" and rule.severity(rule.bad + sign * 1e-6) == "bad"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.key)
def test_every_rule_has_a_reason_and_words_made_of_known_numbers(rule):
    numbers, words = measures_of(SOUND)
    for text in (rule.value, *rule.says):
        assert {name for _, name, _, _ in string.Formatter().parse(text) if name} <= numbers.keys() | words.keys()
    assert len(rule.reason) > 40
    assert all(rule.says[: 2 if rule.bad is None else 3])


def test_rules_have_names_of_their_own():
    assert len({rule.key for rule in RULES}) == len({rule.name for rule in RULES}) == len(RULES)


def test_flags_say_it_in_plain_words():
    assert flag("movement").sentence == "Follow-up moved 14 mm in z and turned by 3°; registration took that out."
    assert flag("residual", inverse_consistency_mm="0.42").sentence.startswith("Halfway registration leaves 0.4 mm")
    assert "(20 mm in all)" in flag("movement", moved_y_mm="14").sentence
    nothing = dict.fromkeys(("moved_x_mm", "moved_y_mm", "moved_z_mm", "rotated_deg"), "0")
    assert "by less than half a millimetre" in flag("movement", **nothing).sentence


def test_remarks_of_the_input_checks_are_counted_and_told():
    found = flag("inputs", warnings="baseline: clipped; follow-up: {snr} of /home/ann/scan.nii")
    assert found.value == "2\N{NO-BREAK SPACE}remarks"
    assert flag("inputs", warnings="baseline: clipped").value == "1\N{NO-BREAK SPACE}remark"
    assert found.sentence == "baseline: clipped; follow-up: {snr} of scan.nii"


def test_absent_numbers_are_not_judged():
    assert flags_of({"registration_correlation": "", "brain_baseline_ml": "0", "noise_percent": None}) == []
    assert [found.rule.key for found in flags_of({"brain_overlap": 0.99, "snr_baseline": 3})] == ["brain_overlap"]
    assert overall([]) == "fine"


def test_bad_flags_come_first():
    flags = flags_of(SOUND | {"registration_correlation": "0.8", "noise_percent": "20"})
    assert [found.severity for found in raised(flags)] == ["bad", "look"]


def test_every_number_that_is_judged_is_in_the_group_table():
    assert SOUND.keys() <= COLUMNS.keys()


def test_the_documentation_has_every_rule_with_its_limits():
    text = (Path(__file__).parents[2] / "docs" / "reports.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*)\|$", text, re.MULTILINE))
    for rule in RULES:
        cells = [cell.strip() for cell in rows[rule.key].split("|")]
        limits = ["–" if limit is None else f"{rule.worse} {_written(limit, rule)}" for limit in (rule.look, rule.bad)]
        assert cells == [rule.name, *limits, rule.reason], rule.key
    assert SEVERITIES == ("fine", "look", "bad")


def _written(limit: float, rule: Rule) -> str:
    if rule.percent:
        return f"{100 * limit:g} %"
    return f"{limit:g}{rule.unit if rule.unit in ('', '°') else f' {rule.unit}'}"
