import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest

from regretta.plots.axes import human_time, marker_positions, time_ticks
from regretta.plots.style import (
    METHODS,
    ONE_COLUMN,
    figure,
    house,
    method_styles,
    panels,
    pdf,
    png,
    save,
    span,
)

# What colour-blind readers see of linear RGB: Machado, Oliveira and Fernandes (2009), table for
# severity 1.0.
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}


def lab(color: str, deficiency: str) -> np.ndarray:
    """CIE L*a*b* of a hex colour as seen with a deficiency."""
    srgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(DEFICIENCIES[deficiency] @ linear, 0, 1)
    xyz = (
        np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        @ linear
    )
    t = xyz / np.array([0.9505, 1.0, 1.089])
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_the_six_methods_of_the_paper_differ_for_every_reader(deficiency):
    for one, two in combinations(list(METHODS.values())[:6], 2):
        assert np.linalg.norm(lab(one[1], deficiency) - lab(two[1], deficiency)) > 10, (
            one[0],
            two[0],
        )


def test_every_method_has_a_colour_and_a_marker_of_its_own():
    assert len({color for _, color, _ in METHODS.values()}) == len(METHODS)
    assert len({marker for _, _, marker in METHODS.values()}) == len(METHODS)


def test_a_method_looks_the_same_in_every_company():
    alone = method_styles([("bohb", "bohb")])["bohb"]
    among = method_styles([("mine", "my_opt"), ("smac", "smac"), ("bohb", "bohb")])["bohb"]
    assert alone == among
    assert alone.name == "BOHB"


def test_two_labels_of_one_method_share_the_colour_and_differ():
    styles = method_styles([("re", "regularized_evolution"), ("re-100", "regularized_evolution")])
    one, two = styles.values()
    assert one.color == two.color
    assert (one.linestyle, one.hollow) != (two.linestyle, two.hollow)
    assert [style.name for style in styles.values()] == ["re", "re-100"]


def test_unknown_methods_take_the_cycle_in_order():
    styles = method_styles([("a", "first"), ("b", "second"), ("c", "first")])
    assert styles["a"].color == styles["c"].color != styles["b"].color
    assert styles["a"].linestyle != styles["c"].linestyle


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((1, "1 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h"), (9000, "2.5 h"), (86400, "1 d")),
        *((1e6, "11.6 d"), (31557600, "1 y"), (0.5, "0.5 s")),
    ],
)
def test_readable_time(seconds, text):
    assert human_time(seconds) == text


def test_ticks_of_readable_time_are_round_and_apart():
    assert time_ticks(100, 1e7, most=20) == [600, 3600, 21600, 86400, 604800, 2592000, 8640000]
    assert time_ticks(60, 60) == [60]
    assert len(time_ticks(1, 1e9, most=4)) <= 5


def test_markers_are_spread_and_staggered():
    x = np.geomspace(1, 1e4, 200)
    first, second = (marker_positions(x, 1, 1e4, nth, 2) for nth in (0, 1))
    assert len(first) == len(second) == 7
    assert not set(first) & set(second)
    assert marker_positions([], 1, 10, 0, 1) == []


def test_span_of_numbers():
    assert span([20, 20]) == "20"
    assert span([18, 20, 19]) == "18–20"


def drawn():
    with house():
        made, (ax,) = panels(1, ONE_COLUMN, 2)
        ax.plot([1, 2], [3, 4], label="x")
        ax.set_xlabel("Time (s)")
    return made


def test_figures_come_out_the_same_every_time(tmp_path, monkeypatch):
    first = png(drawn()), pdf(drawn())
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "12345")
    assert (png(drawn()), pdf(drawn())) == first
    assert save(drawn(), tmp_path, "name") == first[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["name.pdf", "name.png"]


def test_text_in_pdf_is_text_not_outlines():
    data = pdf(drawn())
    assert b"/TrueType" in data or b"/CIDFontType2" in data
    assert b"/Type3" not in data


def test_no_global_state_is_touched():
    code = (
        "import sys, matplotlib as m\n"
        "settings = lambda: {key: m.rcParams[key] for key in m.rcParams if key != 'backend'}\n"
        "before = settings()\n"
        "import regretta.plots.report, regretta.plots.style\n"
        "with regretta.plots.style.house(): regretta.plots.style.figure(2, 2)\n"
        "assert settings() == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_empty_figure_has_the_size_asked_for():
    with house():
        assert tuple(figure(3.5, 2.0).get_size_inches()) == (3.5, 2.0)
