import re
import warnings
from dataclasses import replace
from html import escape
from html.parser import HTMLParser

import numpy as np
import pytest

from regretta.harness.suite import Failure
from regretta.plots.critical_difference import draw_critical_difference
from regretta.plots.friedman import friedman
from regretta.plots.interactive.library import library
from regretta.plots.report import ReportError, write_report
from regretta.plots.report_sections import LEADING
from regretta.plots.style import ONE_COLUMN, TWO_COLUMNS, human_name, method_styles
from tests.plots.conftest import METHODS
from tests.plots.overlap import check_readable


def text_of(page):
    """What a reader sees: the page without pictures and what scripts read."""
    html = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "", page.read_text())
    return re.sub(r"\s+", " ", re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL))


STRANGE = (
    "$\\frac{1}$ of 100 % & #_^~",
    "木" * 40,
    "x" * 499 + "a",
    "x" * 499 + "b",
    "שלום 😀",
    "<script>alert(1)</script>",
    "W" * 200,
    "BOHB",
    "bohb",
)

REPORT_TABLES = ("nb201-cifar10", "nb201-imagenet16-120")


class Checker(HTMLParser):
    """Every element that is opened is closed, in order."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in {"meta", "link", "img", "source", "br", "input"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def unpainted(monkeypatch):
    """Figures are made but not painted, for tests of the page's words."""
    monkeypatch.setattr("regretta.plots.report_sections.save", lambda *_: b"png")


@pytest.fixture
def readable(monkeypatch):
    """Figures are painted and must be readable; gives their texts by name."""
    texts = {}

    def check(drawn, folder, name, *_):
        texts[name] = [painted.text for painted in check_readable(drawn)]
        return b"png"

    monkeypatch.setattr("regretta.plots.report_sections.save", check)
    return texts


def test_figures_and_tables_stand_beside_the_page(report):
    assert report.name == "report.html"
    figures = {path.name for path in (report.parent / "figures").iterdir()}
    names = ["regret", "rank-over-time"]
    names += [
        f"{figure}-{table}"
        for figure in ("regret", "ecdf", "rank-over-time")
        for table in REPORT_TABLES
    ]
    assert figures == {
        f"{name}{size}.{kind}"
        for name in names
        for size in ("", "-column")
        for kind in ("png", "pdf")
    }
    tables = {path.name for path in (report.parent / "tables").iterdir()}
    names = [
        f"{name}-{table}"
        for name in ("final-regret", "time-to-regret", "speed-up", "ranks", "pairwise-tests")
        for table in REPORT_TABLES
    ]
    names.append("ranks")
    assert tables == {f"{name}.{kind}" for name in names for kind in ("csv", "tex")}


def test_every_caption_says_the_protocol(report):
    page = report.read_text(encoding="utf-8")
    captions = re.findall(r'<(?:figcaption|p class="caption")>(.*?)</', page, re.DOTALL)
    assert len(captions) > 10
    assert all("Protocol: default." in caption for caption in captions)


def test_page_is_self_contained_and_well_formed(report):
    html = report.read_text()
    own = r'<script defer src="scripts/[a-z.]+\.js"( id="explore-library")?></script>'
    pictures = re.sub(own, "", html)
    assert not re.search(r"""(src|srcset)=["'](?!data:)""", pictures)
    assert not re.search("https?:", text_of(report))
    assert len(re.findall("<script", pictures)) == (library() is not None)  # data, no code
    checker = Checker()
    checker.feed(html)
    assert checker.open == []
    for target in re.findall(r'href="#([^"]+)"', html):
        assert f'id="{target}"' in html
    for file in re.findall(r'href="((?:figures|tables)/[^"]+)"', html):
        assert (report.parent / file).is_file()


def test_equal_results_give_equal_bytes(tmp_path, random_suite_of):
    once, again = (
        write_report(
            random_suite_of(tmp_path / name, methods=("random_search", "bohb"), n=3)
        ).parent
        for name in "ab"
    )
    files = [path.relative_to(once) for path in once.rglob("*") if path.is_file()]
    assert len(files) == 3 + 12 + 10 + 4 * (library() is not None)
    for file in files:
        assert (once / file).read_bytes() == (again / file).read_bytes(), file


def test_the_answer_stands_on_top(report):
    text = text_of(report)
    assert "Over 2 tables" in text
    assert text.index("the best average rank") < text.index("Mean test regret over runs")


def test_an_empty_suite_is_one_line(tmp_path, suite_of):
    with pytest.raises(ReportError, match="holds no finished run; run the suite first") as caught:
        write_report(suite_of(tmp_path, {"a": {"bohb": []}}))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "report.html").exists()


def test_half_finished_suites_say_what_is_missing(tmp_path, suite_of, run_of):
    suite = suite_of(
        tmp_path,
        {
            "a": {
                "random_search": [run_of([5], [0.2]), run_of([5], [0.1])],
                "bohb": [run_of([9], [0.1])],
                "smac": [],
            },
            "b": {},
            "c": {"bohb": [run_of([], [])]},
        },
        planned=4,
        failures=(Failure("a", "smac", 0, "<script>alert(1)</script> raised"),),
        damaged=("result x is damaged",),
    )
    page = write_report(suite)
    text = text_of(page)
    assert "4 finished runs of 36" in text
    assert (
        "a: not finished; of 4 runs each there are so far: random_search 2, bohb 1, smac 0." in text
    )
    assert "b: no finished run" in text
    assert "c: runs that finished no evaluation within the time limit: bohb 1." in text
    assert "No run finished an evaluation within the time limit" in text
    assert "Damaged and left out: result x is damaged" in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; raised" in text
    assert (tmp_path / "figures" / "regret.png").is_file()


def test_one_method_only(unpainted, tmp_path, suite_of, run_of):
    page = write_report(suite_of(tmp_path, {"a": {"bohb": [run_of([9], [0.1])]}}))
    assert "One method only" in text_of(page)
    assert "Pairwise" not in text_of(page)
    assert not list((tmp_path / "tables").glob("pairwise*"))


def test_friedman_is_refused_with_its_reason(unpainted, tmp_path, suite_of, run_of):
    runs = {"random_search": [run_of([5], [0.2])] * 2, "bohb": [run_of([9], [0.1])] * 2}
    text = text_of(write_report(suite_of(tmp_path, {"a": runs, "b": runs})))
    assert (
        "No critical-difference diagram (Friedman&#39;s test): it compares three methods or more"
        in text
    )


def test_two_tables_are_no_ground_for_a_critical_difference(report):
    assert "its approximation needs more than 10 tables" in text_of(report)
    assert not list(report.parent.rglob("critical-difference*"))


def test_eleven_tables_have_a_critical_difference_diagram(unpainted, tmp_path, random_suite_of):
    tables = [f"t{i}" for i in range(11)]
    methods = ("random_search", "bohb", "smac")
    page = write_report(random_suite_of(tmp_path, tables=tables, methods=methods, n=2))
    assert "Mean ranks of final test regret over 11 tables" in text_of(page)
    assert "Critical-difference diagram: " in text_of(page)


def test_mixed_results_are_called_out(unpainted, tmp_path, suite_of, run_of):
    runs = {"bohb": [run_of([9], [0.1]), run_of([9], [0.2], table_checksum="d" * 64)]}
    text = text_of(write_report(suite_of(tmp_path, {"a": runs})))
    assert (
        "a: its runs come from 2 different tables (their checksums differ): do not compare them."
        in text
    )


def test_different_packages_of_methods_are_no_mixture_but_different_versions_are(
    unpainted, tmp_path, suite_of, run_of
):
    search = replace(run_of(), versions={"numpy": "2.0"})
    model = replace(run_of(), versions={"numpy": "2.0", "smac": "2.4"})
    for number, (runs, mixed) in enumerate(
        [([model], False), ([model, replace(model, versions={"numpy": "1.9"})], True)]
    ):
        suite = suite_of(tmp_path / str(number), {"toy": {"random_search": [search], "smac": runs}})
        text = text_of(write_report(suite))
        assert ("come from different versions of numpy: 1.9, 2.0." in text) == mixed
        assert "different versions of smac" not in text


def test_validation_regret_and_reconstruction_are_said(unpainted, tmp_path, suite_of, run_of):
    run = run_of(
        [9], [0.1], test=False, reconstruction="times are modelled", notes=("ran at one budget",)
    )
    text = text_of(write_report(suite_of(tmp_path, {"a": {"bohb": [run] * 2}})))
    for part in (
        "No test accuracy in a: what is shown is validation regret",
        "a is a reconstruction: times are modelled",
        "a, bohb: ran at one budget",
        "Final validation regret on a, in percent",
    ):
        assert part in text


def test_two_labels_of_one_method_and_an_unknown_one(unpainted, tmp_path, suite_of, run_of):
    rng = np.random.default_rng(3)
    runs = {
        label: [
            run_of([5, 50], [0.3, r], label=label, optimizer=optimizer)
            for r in rng.uniform(0.1, 0.2, 3)
        ]
        for label, optimizer in (
            ("re", "regularized_evolution"),
            ("re/<b>", "regularized_evolution"),
            ("mine", "mine"),
        )
    }
    text = text_of(write_report(suite_of(tmp_path, {"a": runs})))
    assert "re/&lt;b&gt;" in text
    assert "<b>" not in text


def test_an_unwritable_folder_is_one_line(tmp_path, suite_of, run_of):
    (tmp_path / "figures").write_text("in the way")
    with pytest.raises(ReportError, match="cannot be written"):
        write_report(suite_of(tmp_path, {"a": {"bohb": [run_of()]}}))


def test_every_figure_can_be_read_whatever_the_labels(readable, tmp_path, random_suite_of):
    suite = random_suite_of(tmp_path, tables=("a", "b" * 60), methods=STRANGE, n=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text = text_of(write_report(suite))
    assert {"regret", "regret-column", "rank-over-time-column"} <= set(readable)
    assert "$\\frac{1}$ of 100 % & #_^~" in readable["regret-a"]
    for label in STRANGE[:5]:  # whole in the table of methods
        assert escape(label) in text
    assert "<script>alert" not in text


@pytest.mark.parametrize("width", [ONE_COLUMN, TWO_COLUMNS])
@pytest.mark.parametrize("methods", [STRANGE, [f"plugin {n}" for n in range(40)]])
def test_a_critical_difference_diagram_can_be_read(methods, width):
    rng = np.random.default_rng(0)
    tables = {
        f"table {t}": {label: rng.uniform(0.1, 0.2, 3) + n / 99 for n, label in enumerate(methods)}
        for t in range(12)
    }
    styles = method_styles([(label, label) for label in methods])
    check_readable(draw_critical_difference(friedman(tables), styles, width, reconstruction=True))


@pytest.mark.parametrize("methods", [1, 13, 40])
def test_every_figure_can_be_read_with_many_methods(readable, tmp_path, random_suite_of, methods):
    names = [*METHODS, *(f"plugin {n}" for n in range(40))][:methods]
    write_report(random_suite_of(tmp_path, methods=names, n=2))
    for label in names:
        assert sum(human_name(label) in text for text in readable["regret-column"]) >= 1


def test_of_too_many_methods_the_best_are_coloured_and_the_page_says_so(
    readable, tmp_path, suite_of, run_of
):
    runs = {
        f"plugin {n:03d}": [run_of([9, 99], [0.5, 0.5 / (n + 1)], label=f"plugin {n:03d}")] * 2
        for n in range(100)
    }
    text = text_of(write_report(suite_of(tmp_path, {"a": runs})))
    assert f"Coloured are the {LEADING} of 100 methods with the best mean rank" in text
    shown = [text for text in readable["regret"] if text.startswith("plugin")]
    assert shown == [f"plugin {n:03d}" for n in range(80, 100)]
    assert "80 others" in readable["regret"]
    assert "plugin 000" in text


def test_a_search_that_ended_early_is_said(unpainted, tmp_path, suite_of, run_of):
    early = [
        run_of([9], [0.1], ended_early=True, elapsed=elapsed, unique_cells=64)
        for elapsed in (120.0, 600.0)
    ]
    runs = {"smac": [*early, run_of([9], [0.1])], "bohb": [run_of([9], [0.1])]}
    text = text_of(write_report(suite_of(tmp_path, {"a": runs})))
    assert (
        "smac on a: 2 runs ended early, at 120 to 600 of 1,000 s, as the optimizer had nothing"
        " more to propose; seen were 64 of 15,625 cells." in text
    )
    assert "bohb on a" not in text


def test_a_suite_without_a_title_is_called_by_what_was_run(unpainted, tmp_path, suite_of, run_of):
    suite = suite_of(tmp_path, {"a": {"bohb": [run_of()], "mine": [run_of()]}})
    suite = replace(suite, identity=replace(suite.identity, title=""))
    assert "<h1>toy-suite: BOHB, mine on a</h1>" in text_of(write_report(suite))


def test_control_characters_of_a_stranger_stay_out_of_the_page(
    unpainted, tmp_path, suite_of, run_of
):
    run = run_of([9], [0.1], notes=("one\x1b[31m\x00\u202etwo",))
    text = text_of(write_report(suite_of(tmp_path, {"a": {"bohb": [run]}})))
    assert "one[31mtwo" in text


def test_a_cell_recommended_at_second_0_does_not_stop_the_report(run_of, suite_of, tmp_path):
    runs = {
        "rsps": [run_of([0, 20, 900], [0.4, 0.2, 0.1], label="rsps")] * 3,
        "random_search": [run_of([10, 500], [0.3, 0.1])] * 3,
        "gdas": [run_of([0], [0.1], label="gdas")] * 3,
    }
    page = text_of(write_report(suite_of(tmp_path, {"toy": runs})))
    assert not re.search(r"\bnan\b", page)
