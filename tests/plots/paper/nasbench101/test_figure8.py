"""Figure 8 from searches whose regrets are chosen by hand."""

import numpy as np
import pytest

from regretta.plots.paper import draw_figures
from regretta.plots.paper.columns import FigureError
from regretta.plots.paper.nasbench101.figure8 import draw
from regretta.plots.paper.nasbench101.generalization import (
    Setting,
    caption,
    compute,
    conclusion,
)
from regretta.plots.style import ONE_COLUMN, TWO_COLUMNS
from tests.plots.conftest import on_spaces

RS, NRE, RE = Setting("RS"), Setting("NRE", 1.0, 10), Setting("RE", 1.0, 10)
COLAB = {"name": "nb101-colab", "counting": "after"}


def evolution(run_of, regret, label, *, ageing=True, rate=1.0, tournament=10, **changes):
    settings = {"ageing": ageing, "mutation_rate": rate, "tournament_size": tournament}
    return run_of(
        *([10.0], [regret]),
        label=label,
        optimizer="regularized_evolution",
        settings=settings,
        protocol=COLAB,
        **changes,
    )


@pytest.fixture
def study(suite_of, run_of, tmp_path):
    """Three runs of every setting; on the larger table a median final regret is 0.1 higher."""

    def searches(more, **changes):
        def thrice(make):
            return [make(regret + more) for regret in (0.1, 0.2, 0.4)]

        return {
            "RS": [
                run_of(
                    [5.0, 20.0],
                    [0.9, r],
                    label="RS",
                    optimizer="random_search",
                    protocol=COLAB,
                    **changes,
                )
                for r in (0.5, 0.5, 0.7)
            ],
            "NRE": thrice(lambda r: evolution(run_of, r + 0.02, "NRE", ageing=False, **changes)),
            "RE": thrice(lambda r: evolution(run_of, r, "RE", **changes)),
            "slow": thrice(lambda r: evolution(run_of, r + 0.01, "slow", rate=0.5, **changes)),
            "pair": thrice(lambda r: evolution(run_of, r + 0.03, "pair", tournament=2, **changes)),
            "NRE pair": thrice(
                lambda r: evolution(run_of, r, "NRE pair", tournament=2, ageing=False, **changes)
            ),
            "twin": [evolution(run_of, 0.9, "twin")],
        }

    return suite_of(
        tmp_path / "study",
        {"full": searches(0.1, reconstruction="all of it"), "mini": searches(0)},
        planned=3,
        spaces={"full": "nasbench101/A", "mini": "nasbench101-6v/A"},
    )


def test_medians_and_quartiles_over_runs(study):
    found = compute(study)
    assert [(on.table, on.vertices) for on in found.tables] == [("mini", 6), ("full", 7)]
    mini = found.tables[0].spreads
    np.testing.assert_allclose(mini[RE].final, [0.15, 0.2, 0.3])  # of 0.1, 0.2, 0.4
    np.testing.assert_allclose(found.tables[1].spreads[RE].final, [0.25, 0.3, 0.4])
    assert mini[RE].runs == 3  # a further label of the same setting does not join
    # Random search has 0.9 from 5 s on, and from 20 s on 0.5, 0.5 and 0.7.
    early, late = (
        mini[RS].quartiles[:, mini[RS].time < 20],
        mini[RS].quartiles[:, mini[RS].time >= 20],
    )
    np.testing.assert_allclose(early, 0.9)
    np.testing.assert_allclose(late, np.tile([[0.5], [0.5], [0.6]], late.shape[1]))
    assert (mini[RS].time[0], mini[RS].time[-1]) == (5, 1e6)


def test_each_column_changes_one_thing(study):
    found = compute(study)
    assert found.base == RE
    assert found.shown("method") == (RS, NRE, RE)
    assert found.shown("rate") == (Setting("RE", 0.5, 10), RE)
    assert found.shown("tournament") == (Setting("RE", 1.0, 2), RE)
    assert found.shown("tournament", "NRE") == (Setting("NRE", 1.0, 2), NRE)


def test_agreement_is_the_rank_correlation_of_final_medians(study):
    # Mini: RS .5, NRE .22, RE .2, slow .21, pair .23, NRE pair .2; full: the same order, with RS
    # still the last.
    assert compute(study).agreement == pytest.approx(1)
    words = caption(compute(study))
    assert "n = 3 runs" in words
    assert "mini RE 0.2000, NRE 0.2200, RS 0.5000" in words
    assert "settings between mini and full: 1.00." in words


def test_the_conclusion_is_what_the_runs_show(study, run_of):
    """Three runs show nothing; of ten that never overlap every pair differs."""
    assert conclusion(compute(study)).count("none") == 3

    def tell(table, method, base):
        study.runs[table][method] = [
            run_of([5], [base + nth / 1000], label=method, **_of(method)) for nth in range(10)
        ]

    def _of(method):
        settings = {"ageing": method != "NRE", "mutation_rate": 1.0, "tournament_size": 10}
        optimizer = "random_search" if method == "RS" else "regularized_evolution"
        return {"settings": settings, "optimizer": optimizer, "protocol": COLAB}

    for table, order in (("mini", ("RE", "NRE", "RS")), ("full", ("NRE", "RE", "RS"))):
        for place, method in enumerate(order):
            tell(table, method, 0.1 + place / 10)
    words = conclusion(compute(study))
    pairs = "NRE before RS, RE before RS, RE before NRE"
    for moment in ("5.56 h", "2.31 d", "11.6 d"):  # of a limit of 10^6 s
        assert f"after {moment} {pairs} (2 of 3 in the same direction, 1 in the other)" in words


def test_another_rule_for_edges_is_told(study, run_of):
    study.runs["mini"]["RS"] = [
        run_of([5], [0.5], optimizer="random_search", protocol={**COLAB, "counting": "before"})
    ]
    assert "the notebook's rule for edges, which counts them after pruning" in caption(
        compute(study)
    )


def test_an_evaluation_after_the_limit_counts_at_the_end_only(study, run_of):
    late = [run_of([2e6], [0.1], label="RS", optimizer="random_search", protocol=COLAB)]
    study.runs["mini"]["RS"] = late
    shown = compute(study).tables[0].spreads[RS]
    np.testing.assert_allclose(shown.final, 0.1)
    assert len(shown.time) == 0


def test_what_is_missing_is_told(study):
    study.runs["mini"]["RE"] = study.runs["mini"]["RE"][:1]
    words = caption(compute(study))
    assert "runs: 1 of 3 planned on mini (settings: 1)" in words
    assert "the notebook's 5,000,000 simulated seconds: the runs have 1,000,000" in words
    assert "notebook's protocol" not in words


@pytest.mark.parametrize("width", [ONE_COLUMN, TWO_COLUMNS])
def test_pictures_say_what_is_modelled(study, width):
    found = compute(study)
    titles = [ax.get_title() for ax in draw(found, width).axes]
    assert [title.split("\n")[0] for title in titles] == ["mini (V ≤ 6)"] * 3 + [
        "full (V ≤ 7)"
    ] * 3 + ["At the end"] * 3
    assert ["reconstruction" in title for title in titles] == [False] * 3 + [True] * 6
    assert "Reconstruction (full): all of it." in caption(found)


def test_it_is_drawn_from_a_suite_and_from_no_other_study(study, suite_of, run_of, tmp_path):
    outcomes = {o.figure: o for o in draw_figures("nasbench101", [], tmp_path / "out", [study])}
    assert (tmp_path / "out" / outcomes["8"].file).read_bytes().startswith(b"\x89PNG")
    for number in ("7-left", "7-right", "S4", "S8"):
        assert "is not the study of figure" in outcomes[number].reason
    same = on_spaces(study, {"mini": "nasbench101/B"})
    with pytest.raises(
        FigureError, match=r"not the study of figure 8: .* on NAS-Bench-101's cells of two sizes"
    ):
        compute(same)
    nothing = suite_of(tmp_path, {"toy": {"random_search": [run_of([], [])]}})
    with pytest.raises(FigureError, match="no finished evaluation for figure 8"):
        compute(nothing)
