from newlesions.learn.networks.curve import curve_svg
from newlesions.learn.networks.loop import Report, Row
from newlesions.learn.networks.tell import Teller

LOG = [Row(25, 0.9, 0.01), Row(50, 0.5, 0.005, 0.4), Row(75, 0.4, 0.001, 0.3)]


def test_a_line_says_how_far_how_well_and_how_long():
    teller = Teller("new", print)
    line = teller.line(Report(LOG, steps=75, patches=150, seconds=75.0), 3675)
    assert line == "new: step 75/3675, loss 0.4000, validation Dice 0.300 (best 0.400), 2.0 patches/s, 1:00:00 left"


def test_a_line_before_the_first_step_is_short_and_one_after_an_early_end_says_so():
    teller = Teller("new", print)
    assert teller.line(Report(), 10) == "new: step 0/10, 0:00:00 left"
    assert teller.line(Report(LOG, steps=75, stopped=True), 100).endswith("stopped early")


def test_the_curve_is_one_figure_of_equal_bytes():
    drawn = curve_svg(LOG, "new", best=(50, 0.4))
    assert drawn == curve_svg(LOG, "new", best=(50, 0.4))
    assert drawn != curve_svg(LOG[:1], "new")
    assert drawn.startswith("<?xml")
