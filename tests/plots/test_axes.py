"""Axes whose labels can be read at any range."""

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from regretta.plots.axes import (
    RoundTicks,
    human_time,
    log_axis,
    mark_zero,
    marker_positions,
    number_labels,
    time_axis,
    time_labels,
    zero_line,
)
from regretta.plots.style import ONE_COLUMN, TWO_COLUMNS, house, panels
from tests.plots.overlap import check_readable


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((1, "1 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h"), (9000, "2.5 h"), (86400, "1 d")),
        *((1e6, "11.6 d"), (31557600, "1 y"), (0.5, "0.5 s")),
    ],
)
def test_readable_time(seconds, text):
    assert human_time(seconds) == text


def test_labels_of_an_axis_have_one_manner_and_differ():
    assert number_labels([0.01, 0.1, 1]) == ["0.01", "0.1", "1"]
    assert number_labels([1e-6, 1e-3, 1]) == ["10⁻⁶", "10⁻³", "10⁰"]
    assert number_labels([20000, 2e5]) == ["2×10⁴", "2×10⁵"]
    assert number_labels([100, 100.0002]) == ["100", "100.0002"]
    assert time_labels([60, 3600]) == ["1 min", "1 h"]
    assert time_labels([100, 100.5, 101]) == ["100 s", "100.5 s", "101 s"]


def shown(low, high, width, bottom=1e-3, top=0.5, zero=False, panels_=1):
    """Readable times, seconds and regrets of a panel with the axes of a curve."""
    with house():
        figure, axes = panels(panels_, width, 2.2)
        for ax in axes:
            line = zero_line(bottom, top) if zero else bottom
            ax.set_yscale("log")
            ax.set_ylim(line / 1.15, top)
            log_axis(ax, "y")
            if zero:
                mark_zero(ax, "y", line, bottom)
            time_axis(ax, low, high)
            ax.set_ylabel("Mean test regret (fraction)")
            ax.grid(True)
            ax.set_title("toy")
    texts = [painted.text for painted in check_readable(figure)]
    found = []
    for words in _panels(texts):
        middle = words.index("Simulated wall-clock time (s)")
        above = [text for text in words[:middle] if text[-1] in "sdhyn"]
        below = [text for text in words[:middle] if text not in above]
        found.append((above, below, words[middle + 1 :]))
    return found


def _panels(texts):
    """The texts of each panel; its title is painted last."""
    while texts:
        end = texts.index("toy")
        yield [text for text in texts[:end] if not text.startswith("Mean")]
        texts = texts[end + 1 :]


RANGES = [
    *((50, 5000), (300, 9000), (300, 20000), (1500, 1e5), (2e4, 1e6)),
    *((1e-3, 1e9), (1e-3, 1e-2), (0.03, 100), (1, 2), (100, 101), (3600, 7200), (5e-3, 6e-3)),
    *((1, 1e5), (1e3, 1e7), (3e7, 1e9), (86400, 6 * 86400), (7000, 31000)),
]


@pytest.mark.parametrize("width", [ONE_COLUMN, TWO_COLUMNS])
@pytest.mark.parametrize(("low", "high"), RANGES)
def test_a_time_axis_has_a_few_labels_and_none_over_another(low, high, width):
    ((above, below, _),) = shown(low, high, width)
    assert 2 <= len(above) <= 6
    assert 2 <= len(below) <= 6


def test_the_labels_are_what_people_say():
    assert shown(300, 9000, TWO_COLUMNS)[0][0] == ["5 min", "10 min", "30 min", "1 h", "2 h"]
    assert shown(1e3, 1e7, TWO_COLUMNS)[0][0] == ["1 h", "6 h", "1 d", "7 d", "100 d"]
    assert shown(1e3, 1e7, TWO_COLUMNS)[0][1] == ["10³", "10⁴", "10⁵", "10⁶", "10⁷"]
    assert shown(0.03, 100, ONE_COLUMN)[0][1] == ["0.1", "1", "10", "100"]


@settings(max_examples=25, deadline=None, derandomize=True, phases=[Phase.generate])
@given(
    low=st.floats(-3, 8.9),
    decades=st.floats(0.01, 12),
    bottom=st.floats(-9, -0.5),
    span=st.floats(0.05, 9),
    zero=st.booleans(),
    count=st.sampled_from([1, 3]),
)
def test_any_range_can_be_read(low, decades, bottom, span, zero, count):
    high = min(low + decades, 9.0)
    for above, below, regrets in shown(
        10**low, 10**high, TWO_COLUMNS, 10**bottom, 10 ** (bottom + span), zero, count
    ):
        assert 1 <= len(above) <= 6
        assert 1 <= len(below) <= 6
        assert 1 <= len(regrets) <= 6
        assert ("≤ 0" in regrets) is zero


def test_zero_has_a_place_of_its_own_below_all_that_is_positive():
    for smallest, largest in ((1e-3, 2e-3), (1e-9, 1.0), (0.1, 0.1)):
        assert zero_line(smallest, largest) <= smallest / 3
    ((_, _, regrets),) = shown(1, 1e5, ONE_COLUMN, 1e-4, 0.5, zero=True)
    assert regrets == ["≤ 0", "0.0001", "0.001", "0.01", "0.1"]


def test_places_do_not_depend_on_the_direction_of_an_axis():
    with house():
        _, (ax,) = panels(1, ONE_COLUMN, 2.0)
        ax.set_yscale("log")
        ax.set_ylim(1.0, 0.001)
        log_axis(ax, "y")
        locator = ax.yaxis.get_major_locator()
        assert isinstance(locator, RoundTicks)
        down = list(locator())
        ax.set_ylim(0.001, 1.0)
        assert list(locator()) == down


def test_markers_are_spread_and_staggered():
    x = np.geomspace(1, 1e4, 200)
    first, second = (marker_positions(x, 1, 1e4, nth, 2) for nth in (0, 1))
    assert len(first) == len(second) == 7
    assert not set(first) & set(second)
    assert marker_positions([], 1, 10, 0, 1) == []
