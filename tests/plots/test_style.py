import subprocess
import sys

import numpy as np
import pytest

from regretta.plots.colors import VISIONS, ciede2000, distances, seen
from regretta.plots.style import (
    CYCLE,
    METHODS,
    ONE_COLUMN,
    OTHERS,
    figure,
    house,
    method_styles,
    panels,
    pdf,
    png,
    save,
    span,
)

ALL = [(color, name) for name, (_, color, _) in METHODS.items()] + [
    (color, f"unknown {nth}") for nth, (color, _) in enumerate(CYCLE)
]


def closest(colors):
    """The least distance between any two, for the reader to whom they are closest."""
    apart = distances(colors, colors)
    return apart[~np.eye(len(colors), dtype=bool)].min()


@pytest.mark.parametrize(
    ("one", "two", "difference"),
    [  # from the test data of Sharma, Wu and Dalal (2005), table 1
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
        ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373),
    ],
)
def test_difference_of_colours_is_the_published_one(one, two, difference):
    found = ciede2000(np.array(one, dtype=float), np.array(two, dtype=float))
    assert found == pytest.approx(difference, abs=5e-5)


def test_greys_look_the_same_to_every_reader_and_red_and_green_do_not():
    for vision in VISIONS:  # the rows of the published matrices sum to 1 up to their rounding
        np.testing.assert_allclose(seen(["#777777"], vision)[0, 1:], 0, atol=0.1)
    red_green = {
        vision: ciede2000(*seen(["#B00000", "#4E6A00"], vision)) for vision in ("common", *VISIONS)
    }
    assert red_green["deuteranopia"] < red_green["common"] / 2


@pytest.mark.parametrize(("count", "distance"), [(6, 10), (10, 10), (24, 8), (60, 5)])
def test_colours_of_methods_differ_for_every_reader(count, distance):
    colors = [color for color, _ in ALL[:count]]
    assert len(set(colors)) == count
    assert closest(colors) >= distance
    assert distances(colors, [OTHERS]).min() >= 5


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


def look(style):
    return style.color, style.marker, str(style.linestyle), style.hollow


def test_unknown_methods_take_the_cycle_in_order():
    styles = method_styles([("a", "first"), ("b", "second"), ("c", "first")])
    assert styles["a"].color == styles["c"].color != styles["b"].color
    assert styles["a"].linestyle != styles["c"].linestyle


@pytest.mark.parametrize("count", [1, 2, 8, 20, 60, 200, 1000])
@pytest.mark.parametrize("methods", [1, 3, 1000])
def test_no_two_labels_look_alike(count, methods):
    entries = [(f"label {nth}", f"method {nth % methods}") for nth in range(count)]
    styles = method_styles(entries)
    assert len({look(style) for style in styles.values()}) == count
    assert len({style.name for style in styles.values()}) == count


def test_one_colour_never_means_two_methods():
    entries = [(name, name) for name in METHODS] + [
        (f"p{n}", f"p{n}") for n in range(60 - len(METHODS))
    ]
    entries += [(f"{name} again", name) for name, _ in entries]
    assert (
        len({style.color for style in method_styles([(f"p{n}",) * 2 for n in range(60)]).values()})
        == 60
    )
    styles = method_styles(entries)
    by_color = {}
    for label, optimizer in entries:
        by_color.setdefault(styles[label].color, set()).add(optimizer)
    assert len(by_color) == 60
    assert all(len(methods) == 1 for methods in by_color.values())


def swept(values, key="population_size"):
    return {f"RE {value}": {key: value, "tournament": 10} for value in values}


def test_a_sweep_of_one_number_is_graded_by_it():
    settings = swept([100, 10, 1000, 50])
    styles = method_styles([(label, "regularized_evolution") for label in settings], settings)
    ascending = ["RE 10", "RE 50", "RE 100", "RE 1000"]
    lightness = seen([styles[label].color for label in ascending], "common")[:, 0]
    assert (np.diff(lightness) > 5).all()
    assert list(styles) == list(settings)  # the suite's order stays


def test_a_sweep_keeps_clear_of_the_colours_of_other_methods():
    settings = {"RS": {}, **swept(range(10, 100, 10)), "tpe": {"gamma": 0.1}}
    entries = [
        (label, {"RS": "random_search", "tpe": "tpe"}.get(label, "regularized_evolution"))
        for label in settings
    ]
    styles = method_styles(entries, settings)
    theirs = [style.color for label, style in styles.items() if label.startswith("RE")]
    assert len(set(theirs)) == 9
    assert distances(theirs, [styles["RS"].color, styles["tpe"].color]).min() >= 5


def test_words_and_two_labels_are_no_sweep():
    words = {"a": {"mode": "x"}, "b": {"mode": "y"}, "c": {"mode": "z"}}
    for settings in (words, swept([1, 2])):
        entries = [*((label, "smac") for label in settings), ("RS", "random_search")]
        styles = method_styles(entries, settings)
        assert {styles[label].color for label in settings} == {METHODS["smac"][1]}


def test_settings_of_a_method_that_is_alone_have_colours_of_their_own():
    colors = [style.color for style in method_styles([(w, "smac") for w in "abcdefgh"]).values()]
    assert colors[0] == METHODS["smac"][1]
    assert closest(colors) >= 8


def test_behind_the_leading_methods_the_others_are_grey():
    entries = [(f"m{n}", f"m{n}") for n in range(100)]
    styles = method_styles(entries, leading=["m7", "m70"])
    assert [label for label, style in styles.items() if not style.background] == ["m7", "m70"]
    assert {style.color for style in styles.values() if style.background} == {OTHERS}
    assert len({style.name for style in styles.values()}) == 100


def test_names_that_would_read_the_same_stay_apart():
    styles = method_styles([("bohb", "bohb"), ("BOHB", "mine"), ("x" * 99, "a"), ("x" * 98, "b")])
    assert [style.name for style in styles.values()][:2] == ["bohb", "BOHB"]
    assert len({style.name for style in styles.values()}) == 4


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
