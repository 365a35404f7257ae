"""The report in a browser: it opens, is clicked through, and fits windows of any kind."""

from shutil import copytree

import pytest

from regretta.plots.interactive.data import MOST_POINTS
from regretta.plots.interactive.library import FOLDER, LIBRARY
from regretta.plots.regret_curve import regret_curves
from regretta.plots.report import write_report
from tests.plots.explorer_page import (
    DOT,
    DRAWN,
    READY,
    choose,
    in_a_browser,
    rows,
    scripted,
    text,
    to_slider,
)
from tests.plots.test_report import STRANGE

pytestmark = in_a_browser

OUTSIDE = """[...document.body.querySelectorAll('*')]
    .filter(e => !e.closest('.scroll, svg, .unseen')
      && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map(e => e.outerHTML.slice(0, 200))"""


@pytest.fixture
def page(tab, report):
    """The report, drawn, in a window of a desktop."""
    tab.requests.clear()
    tab.complaints.clear()
    tab.show(1200)
    tab.open(report)
    tab.wait_for(READY)
    yield tab
    assert tab.complaints == []
    assert all(address.startswith(("file:", "data:", "blob:")) for address in tab.requests)


def curves_drawn(page):
    """Names of the methods whose curves are drawn."""
    return page.evaluate(
        f"{DRAWN}.filter(t => t.name && t.mode.includes('markers')).map(t => t.name)"
    )


@pytest.mark.parametrize("width", [375, 1400])
def test_without_scripts_every_picture_shows_and_nothing_overflows(tab, report, width):
    tab.show(width)
    tab.open(report, scripts=False)
    shown = tab.evaluate(
        "[...document.images].map(i => [i.complete && i.clientWidth > 0, i.naturalWidth])"
    )
    assert len(shown) == report.read_text().count("<img ") > 0
    assert all(there for there, _ in shown)
    # phones get the narrow pictures
    assert all((pixels < 1000) == (width == 375) for _, pixels in shown)
    assert tab.evaluate(OUTSIDE) == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert not tab.evaluate("document.querySelector('#explore')?.checkVisibility() ?? false")


@scripted
def test_scripts_show_the_figures_and_fold_the_pictures(page, report):
    assert page.evaluate("document.querySelector('#explore').checkVisibility()")
    assert set(curves_drawn(page)) == {"Random search", "Regularized evolution", "BOHB"}
    pictures = "[...document.querySelectorAll('figure.still img')]"
    assert page.evaluate(f"{pictures}.length") == report.read_text().count("<img ")
    assert not page.evaluate(f"{pictures}.some(i => i.checkVisibility())")
    page.click("details.still summary")
    assert page.evaluate(f"{pictures}[0].checkVisibility()")


@scripted
def test_a_method_can_be_hidden_and_shown(page):
    box = "#explore-values tbody tr:first-child input"
    best = text(page, "#explore-values tbody tr:first-child label")
    page.click(box)
    assert best not in curves_drawn(page)
    assert len(curves_drawn(page)) == 2
    assert f"{best} hidden" in text(page, "#explore-said")
    assert "2 of 3 methods shown" in text(page, "#explore-caption")
    page.click(box)
    assert best in curves_drawn(page)
    page.click("#explore-none")
    assert curves_drawn(page) == []
    page.click("#explore-all")
    assert len(curves_drawn(page)) == 3


@scripted
def test_methods_are_sorted_by_result_with_the_values_of_the_table(page, report):
    lines = (report.parent / "tables" / "final-regret-nb201-cifar10.csv").read_text().splitlines()
    means = [float(line.split(",")[5]) for line in lines[1:]]
    first, *_ = rows(page).values()
    assert first[0] == "6"
    assert first[1].startswith(f"{100 * min(means):.3f} [")
    shown = [float(cells[1].split()[0]) for cells in rows(page).values()]
    assert shown == sorted(shown)


@scripted
def test_hovering_and_the_slider_tell_values_with_intervals(page):
    before = rows(page)
    x, y = page.evaluate(
        "(() => { const plot = document.querySelector('#explore-plot .nsewdrag');"
        " plot.scrollIntoView({block: 'center'}); const r = plot.getBoundingClientRect();"
        " return [r.x + r.width * 0.6, r.y + r.height / 2]; })()"
    )
    page.mouse("mouseMoved", x - 5, y)
    page.mouse("mouseMoved", x, y)
    page.wait_for("/% \\[/.test(document.querySelector('#explore-plot .hoverlayer').textContent)")
    assert rows(page) != before
    page.mouse("mouseMoved", 1, 1)
    to_slider(page, 100)
    place = text(page, "#explore-place")
    assert text(page, "#explore-values thead th:last-child") == f"At {place} [95 % interval]"
    assert all("% [" in cells[-1] for cells in rows(page).values())


@scripted
def test_statistic_band_and_table_can_be_switched(page, report, random_suite_of, tmp_path):
    suite = random_suite_of(  # that of `report`
        tmp_path,
        tables=("nb201-cifar10", "nb201-imagenet16-120"),
        methods=("random_search", "regularized_evolution", "bohb"),
        n=6,
    )
    table = "nb201-imagenet16-120"
    choose(page, "statistic", "median")
    choose(page, "band", "iqr")
    page.evaluate(
        "(() => { const s = document.querySelector('#explore-table'); s.value = '1';"
        " s.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )
    panel = regret_curves(suite.runs[table], statistic="median", band="iqr", points=MOST_POINTS)
    shown = rows(page)
    for name, curve in zip(
        ("Random search", "Regularized evolution", "BOHB"), panel.curves, strict=True
    ):
        value, low, high = (100 * float(v[-1]) for v in (curve.value, curve.low, curve.high))
        assert shown[name][-1] == f"{value:.3f} % [{low:.3f}, {high:.3f}]"
        assert float(shown[name][1]) == pytest.approx(value, abs=6e-4)
    assert "Final median" in text(page, "#explore-values thead")
    assert "interquartile range" in text(page, "#explore-caption")
    assert table in text(page, "#explore-said")
    assert "Median test regret" in text(page, "#explore-plot .ytitle")
    assert "reconstruction" in text(page, "#explore-plot .gtitle")
    assert "Reconstruction" in text(page, "#explore-caption")


@scripted
def test_the_axis_can_be_evaluations(page):
    page.evaluate(
        "(() => { const s = document.querySelector('#explore-axis');"
        " s.selectedIndex = [...s.options].findIndex(o => o.text === 'Evaluations');"
        " s.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )
    assert "Evaluations" in text(page, "#explore-plot .xtitle")
    assert "against evaluations" in text(page, "#explore-caption")
    assert text(page, "#explore-place").endswith(" evaluations")


@scripted
def test_axes_can_be_linear_and_single_runs_shown(page):
    kinds = (
        "[document.querySelector('#explore-plot').layout].map(l => [l.xaxis.type, l.yaxis.type])[0]"
    )
    assert page.evaluate(kinds) == ["log", "log"]
    page.click("#explore-log")
    page.click("#explore-log-axis")
    assert page.evaluate(kinds) == ["linear", "linear"]
    page.click("#explore-runs")
    assert (
        page.evaluate(
            f"{DRAWN}.filter(t => (t.text ?? []).includes('run 5: ') || "
            "(t.text ?? []).some(s => s.startsWith('run 5:'))).length"
        )
        == 3
    )
    assert "Thin: single runs." in text(page, "#explore-caption")


@scripted
def test_ranks_distributions_and_the_heat_map_are_drawn(page):
    choose(page, "figure", "ranks")
    assert "Average rank by test regret" in text(page, "#explore-plot .ytitle")
    assert not page.evaluate("document.querySelector('[data-for=band]').checkVisibility()")
    ends = [float(cells[-1]) for cells in rows(page).values()]
    assert sum(ends) == pytest.approx(6, abs=0.02)  # of three methods: 1 + 2 + 3
    choose(page, "figure", "distribution")
    assert {cells[-1] for cells in rows(page).values()} == {"100.0 % of runs"}
    choose(page, "figure", "heat")
    assert page.evaluate(f"{DRAWN}[0].type") == "heatmap"
    assert page.evaluate(f"[{DRAWN}[0].z.length, {DRAWN}[0].z[0].length]") == [3, 2]
    value, bounds = rows(page)["BOHB"][0].split(" ", 1)
    assert f"{value} % {bounds}; rank " in page.evaluate(f"{DRAWN}[0].customdata.flat().join()")
    choose(page, "cell", "rank")
    assert page.evaluate(f"{DRAWN}[0].text.flat().every(t => /^[123]\\.\\d\\d$/.test(t))")


@scripted
def test_every_control_is_reached_by_the_keyboard_and_has_a_name(page):
    visible = (
        "[...document.querySelectorAll('#explore :is(input, select, button)')]"
        ".filter(e => e.checkVisibility())"
    )
    assert page.evaluate(
        f"{visible}.every(e => (e.labels?.[0] ?? e).textContent.trim().length > 0)"
    )
    wanted = page.evaluate(
        f"[...new Set({visible}.map(e => e.name || e.id || e.parentNode.textContent))]"
    )
    page.evaluate("document.querySelector('input[name=explore-figure]').focus()")
    reached = set()
    for _ in range(60):
        inside, name = page.evaluate(
            "[document.activeElement].map(e => [!!e.closest('#explore'),"
            " e.name || e.id || e.parentNode.textContent])[0]"
        )
        if not inside:
            break
        reached.add(name)
        page.press("Tab", 9)
    assert set(wanted) <= reached
    page.evaluate("document.querySelector('#explore-runs').focus()")
    page.press(" ", 32, " ")
    assert "Thin: single runs." in text(page, "#explore-caption")
    page.evaluate("document.querySelector('input[name=explore-figure]').focus()")
    page.press("ArrowRight", 39)
    assert "Average rank" in text(page, "#explore-said")


@scripted
def test_a_phone_shows_everything_without_scrolling_sideways(page):
    page.show(375, 800)
    page.wait_for("document.querySelector('#explore-plot .main-svg').clientWidth < 375")
    for figure in ("regret", "ranks", "distribution", "heat"):
        choose(page, "figure", figure)
        assert page.evaluate("document.documentElement.scrollWidth") <= 375, figure
        assert page.evaluate(OUTSIDE) == []
    labels = "[...document.querySelectorAll('#explore-plot .xtick text')].map(e => e.textContent)"
    assert page.evaluate(labels) == ["nb201-cifar10", "nb201-imagenet16-120"]
    assert "reconstruction" in text(page, "#explore-plot .gtitle")


@scripted
def test_dark_surroundings_make_the_figures_dark(page):
    light = page.evaluate(f"{DRAWN}.map(t => t.line.color)")
    page.show(1200, scheme="dark")
    page.wait_for(f"{DRAWN}.map(t => t.line.color).join() !== '{','.join(light)}'")
    ground = "document.querySelector('#explore-plot').layout.paper_bgcolor"
    assert sum(bytes.fromhex(page.evaluate(ground)[1:])) < 3 * 64
    random_search = (
        f"{DRAWN}.find(t => t.name === 'Random search' && t.mode !== 'lines').line.color"
    )
    assert min(bytes.fromhex(page.evaluate(random_search)[1:])) > 128  # on white it is black


@scripted
def test_the_page_could_not_ask_a_network_if_it_wanted_to(page):
    asked = "fetch('https://example.org').then(() => 'answered', () => 'refused')"
    assert page.evaluate(asked) == "refused"
    assert any("Content Security Policy" in complaint for complaint in page.complaints)
    page.complaints.clear()
    page.requests.clear()


@scripted
def test_on_paper_the_pictures_stand_instead(page):
    page.call("Emulation.setEmulatedMedia", media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert not page.evaluate("document.querySelector('#explore').checkVisibility()")
    assert page.evaluate("[...document.images].every(i => i.checkVisibility())")
    page.call("Emulation.setEmulatedMedia", media="")


@scripted
def test_labels_of_any_kind_are_shown_as_they_are(tab, random_suite_of, tmp_path, monkeypatch):
    monkeypatch.setattr("regretta.plots.report_sections.save", lambda *_: DOT)
    labels = [*STRANGE, "%{y} </script><img src=x onerror=alert(1)>", "<b>&amp;</b>"]
    path = write_report(random_suite_of(tmp_path, tables=("a", "b"), methods=labels, n=2))
    tab.complaints.clear()
    tab.show(375)
    tab.open(path)
    tab.wait_for(READY)
    assert set(rows(tab)) == set(labels)
    assert (
        tab.evaluate("document.querySelectorAll('#explore b, #explore i, #explore img').length")
        == 0
    )
    assert tab.evaluate("document.documentElement.scrollWidth") <= 375
    choose(tab, "figure", "heat")
    drawn = tab.evaluate("document.querySelector('#explore-plot .yaxislayer-above').textContent")
    assert "<script>alert(1)</script>" in drawn
    assert tab.complaints == []


@scripted
def test_controls_and_values_do_not_wait_for_the_library(tab, report):
    tab.complaints.clear()
    tab.show(1200)
    tab.call("Emulation.setScriptExecutionDisabled", value=False)
    tab.hold("*plotly*")
    tab.call("Page.navigate", url=report.as_uri())
    tab.wait_for("document.querySelector('#explore')?.checkVisibility()")
    assert len(rows(tab)) == 3
    choose(tab, "statistic", "median")
    assert "Final median" in text(tab, "#explore-values thead")
    assert not tab.evaluate(READY)
    tab.let_go()
    tab.wait_for(READY)
    assert "Median" in text(tab, "#explore-plot .ytitle")
    assert tab.complaints == []


@scripted
@pytest.mark.parametrize("library", [None, "// nothing"])
def test_without_the_library_the_page_shows_its_pictures(tab, report, tmp_path, library):
    alone = tmp_path / "report.html"
    alone.write_bytes(report.read_bytes())
    copytree(report.parent / FOLDER, tmp_path / FOLDER)
    (tmp_path / FOLDER / LIBRARY).unlink()
    if library is not None:
        (tmp_path / FOLDER / LIBRARY).write_text(library)
    tab.show(1200)
    tab.open(alone)
    tab.wait_for("!document.querySelector('#explore').checkVisibility()")
    assert tab.evaluate("[...document.images].every(i => i.checkVisibility())")
    assert not tab.evaluate("document.querySelector('a.scripted').checkVisibility()")


def test_alone_without_its_scripts_the_page_shows_its_pictures(tab, report, tmp_path):
    alone = tmp_path / "report.html"
    alone.write_bytes(report.read_bytes())
    tab.show(1200)
    tab.open(alone)
    assert tab.evaluate("[...document.images].every(i => i.clientWidth > 0)")
    assert not tab.evaluate("document.querySelector('#explore')?.checkVisibility() ?? false")
