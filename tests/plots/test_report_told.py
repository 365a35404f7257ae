"""In a browser: what the interactive figures say is true of what they show."""

from dataclasses import replace

from regretta.harness.axis import regret_matrix
from regretta.plots.look import Look
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

pytestmark = in_a_browser


@scripted
def test_beyond_the_end_of_a_curve_nothing_is_told(tab, suite_of, run_of, tmp_path, monkeypatch):
    monkeypatch.setattr("regretta.plots.report_sections.save", lambda *_: DOT)
    short = run_of([5, 50], [0.3, 0.2], evaluations=10)
    runs = {"bohb": [short] * 2, "tpe": [replace(short, evaluations=99)] * 2}
    tab.show(1200)
    look = Look(axis="evaluations")
    tab.open(write_report(suite_of(tmp_path, {"toy": runs}), look=look))
    tab.wait_for(READY)
    assert text(tab, "#explore-place") == "99 evaluations"
    assert rows(tab)["BOHB"][-1] == "\u2014"
    assert rows(tab)["TPE"][-1] == "20.000 %"


@scripted
def test_what_the_slider_reads_is_true_of_the_place_that_it_names(
    tab, random_suite_of, tmp_path, monkeypatch
):
    monkeypatch.setattr("regretta.plots.report_sections.save", lambda *_: DOT)
    suite = random_suite_of(tmp_path, methods=("random_search", "bohb"), n=5, steps=150)
    tab.show(1200)
    tab.open(write_report(suite, look=Look(axis="evaluations")))
    tab.wait_for(READY)
    choose(tab, "band", "sd")
    for place in (20, 101, 155, 177, 193):
        to_slider(tab, place)
        named = text(tab, "#explore-place")
        evaluations = int(named.removesuffix(" evaluations").replace(",", ""))
        for name, label in (("Random search", "random_search"), ("BOHB", "bohb")):
            runs = suite.runs["toy"][label]
            values = 100 * regret_matrix(runs, [evaluations], "test", "evaluations")[:, 0]
            mean, sd = values.mean(), values.std(ddof=1)
            want = f"{mean:.3f} % [{mean - sd:.3f}, {mean + sd:.3f}]".replace("-", "\u2212")
            assert rows(tab)[name][-1] == want, named


@scripted
def test_the_caption_is_true_of_what_is_shown(tab, suite_of, run_of, tmp_path, monkeypatch):
    monkeypatch.setattr("regretta.plots.report_sections.save", lambda *_: DOT)
    runs = {f"method {i}": [run_of(), run_of([5, 50], [0.3, 0.2])] for i in range(12)}
    runs["best"] = [run_of([5, 50], [0.3, 0.0])] * 2
    tab.show(1200)
    tab.open(write_report(suite_of(tmp_path, {"toy": runs})))
    tab.wait_for(READY)
    banded = f"{DRAWN}.filter(t => t.fill === 'tonexty').length"
    assert "No bands: they would hide the 13 curves." in text(tab, "#explore-caption")
    assert tab.evaluate(banded) == 0
    tab.click("#explore-values tbody tr:last-child input")
    assert "Bands: 95 % bootstrap" in text(tab, "#explore-caption")
    assert "No bands" not in text(tab, "#explore-caption")
    assert tab.evaluate(banded) == 12
    zero = "marked \u2264 0"
    assert zero in text(tab, "#explore-caption")
    tab.click("#explore-log")
    assert zero not in text(tab, "#explore-caption")  # zero has its place on a linear axis
    tab.click("#explore-log")
    tab.click("#explore-values tbody tr:first-child input")  # the only one that gets there
    assert zero not in text(tab, "#explore-caption")
    tab.click("#explore-none")
    assert "ands:" not in text(tab, "#explore-caption")


@scripted
def test_of_runs_with_one_result_all_are_counted(tab, suite_of, run_of, tmp_path, monkeypatch):
    monkeypatch.setattr("regretta.plots.report_sections.save", lambda *_: DOT)
    runs = {"bohb": [run_of([5], [value]) for value in (0.1, 0.1, 0.1, 0.2)]}
    tab.show(1200)
    tab.open(write_report(suite_of(tmp_path, {"toy": runs})))
    tab.wait_for(READY)
    choose(tab, "figure", "distribution")
    told = tab.evaluate(f"[...new Set({DRAWN}[0].text.filter(Boolean))]")
    assert told == [
        f"{x}.000 % or less in {share} % of runs" for x, share in ((10, 75.0), (20, 100.0))
    ]
