"""Protocols of one's own: a named one with other choices, refused where they contradict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regretta.cli import main
from regretta.harness.campaign import run_suite
from regretta.harness.identity import SuiteError
from regretta.harness.oracle import Oracle
from regretta.harness.protocol import Protocol, ProtocolError
from regretta.harness.protocols import PROTOCOLS, get_protocol, written
from regretta.harness.run import Run, run
from regretta.harness.spec import read_spec
from regretta.harness.store.folder import spec_of_folder
from regretta.harness.store.results import load_suite
from regretta.optimizers.base import Proposal
from regretta.plots.look import Look
from regretta.plots.methods_paragraph import methods_paragraph
from regretta.tabular_data.table import Table
from tests.harness.scripted import scripted

CELLS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.int8)

CHOICES: dict[str, st.SearchStrategy[Any]] = {
    "observe": st.sampled_from(["repeat", "mean"]),
    "repeat": st.integers(0, 3),
    "budgets": st.lists(st.floats(1, 300), min_size=1, max_size=4),
    "trained_budget": st.sampled_from([4.0, 12.0]),
    "charge_evaluation": st.sampled_from(["never", "always", "measured"]),
    "incumbent": st.sampled_from(["any", "largest"]),
    "test": st.sampled_from(["mean", "repeat"]),
    "report_budget": st.sampled_from([12.0, 108.0, 200.0]),
    "crossing": st.booleans(),
    "search_data": st.sampled_from(["", "cifar10"]),
    "counting": st.sampled_from(["before", "after"]),
}


def own(base: str = "default", **changes: Any) -> Protocol:
    return get_protocol({"based_on": base, **changes})


@given(base=st.sampled_from(list(PROTOCOLS)), changes=st.fixed_dictionaries({}, optional=CHOICES))
def test_any_choices_make_a_protocol_that_can_be_written_down_or_are_refused_in_a_line(
    base: str, changes: dict[str, Any]
) -> None:
    try:
        made = own(base, **changes)
    except ProtocolError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert "\n" not in refused
        return
    assert get_protocol(written(made)) == made
    named = PROTOCOLS[base]
    for name, value in changes.items():
        value = tuple(value) if isinstance(value, list) else value
        assert getattr(made, name) == value
        differs = getattr(named, name) != value
        assert not differs or (made.name.startswith(f"{base} with ") and made.based_on == base)
    if not made.based_on:
        assert made is named


def test_its_name_says_what_was_changed_and_its_summary_what_holds() -> None:
    made = own("nats-2021", repeat=1, incumbent="largest", report_budget=12)
    assert made.name == "nats-2021 with repeat 1, incumbent largest, report budget 12"
    assert made.summary == (
        "always repeat 1 at the asked budget; its training and, where it was measured, one pass"
        " over the validation set are charged; the incumbent is the lowest error seen of those"
        " asked for at the largest budget and is judged by the mean error at budget 12"
    )
    assert own("default", observe="mean").name == "default with the mean of repeats"
    assert own("nb101-colab", crossing=False).name == "nb101-colab with no crossing"


def test_a_named_one_without_changes_is_that_one() -> None:
    assert own("nats-2021") is PROTOCOLS["nats-2021"]
    assert own("nats-2021", budgets=[1, 4, 12], observe="repeat") is PROTOCOLS["nats-2021"]
    assert "repeat" not in PROTOCOLS["default"].as_dict()


@pytest.mark.parametrize(
    ("base", "changes", "needed"),
    [
        ("nats-2021", {"report_budget": 12}, (12,)),
        ("nats-2021", {"budgets": [4]}, (4, 200)),
        ("nb201-iclr2020", {"report_budget": 12}, ()),
        ("nb101-paper", {"budgets": [12, 36]}, (12, 36, 108)),
        ("nb101-paper", {"trained_budget": 12, "budgets": [12, 36]}, (108,)),
        ("default", {"budgets": [1, 9]}, (1, 9)),
    ],
)
def test_a_table_must_have_the_budgets_that_are_left_and_those_that_are_new(
    base: str, changes: dict[str, Any], needed: tuple[float, ...]
) -> None:
    assert own(base, **changes).needs_budgets == needed


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"observe": "mean", "repeat": 1}, "shows all repeats, and repeat shows one"),
        ({"observe": "mean", "test": "repeat"}, "observe = 'mean' observes no single one"),
        ({"test": "repeat", "trained_budget": 4}, "trained_budget makes its budget another"),
        ({"test": "repeat", "search_data": "cifar10"}, "search_data trains on other data"),
        ({"repeat": -1}, "repeat is from 0, got -1"),
        ({"budgets": [9, 1]}, "budgets ascend and are above 0, got 9, 1"),
        ({"budgets": [0]}, "budgets ascend and are above 0"),
        ({"report_budget": -2.5}, "report_budget is above 0, got -2.5"),
        ({"trained_budget": 0}, "trained_budget is above 0, got 0"),
        ({"observ": "mean"}, "unknown entry 'observ'; did you mean 'observe'"),
        ({"observe": "all"}, "observe must be 'repeat' or 'mean', got 'all'"),
        ({"repeat": 1.5}, "repeat must be a whole number"),
        ({"based_on": "nats"}, "unknown protocol 'nats'"),
        ({"based_on": 5}, "based_on must be a text"),
    ],
)
def test_what_contradicts_itself_or_is_no_choice_is_refused_in_one_line(
    changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ProtocolError) as caught:
        own(**changes) if "based_on" not in changes else get_protocol(changes)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_changes_without_a_protocol_to_change_are_refused() -> None:
    with pytest.raises(ProtocolError, match="protocol lacks based_on"):
        get_protocol({"repeat": 1})


# -- what they do ----------------------------------------------------------------------------


@pytest.mark.parametrize("many", [1, 40])
def test_a_fixed_repeat_is_what_every_evaluation_shows_and_costs(
    grid_table: Table, many: int
) -> None:
    """Cell 2 at budget 9 in repeat 1: accuracy .5 + .2 + .02 + .01, 30 + 100 + 1 s."""
    oracle = Oracle(grid_table, own(repeat=1), np.random.default_rng(0))
    rows, repeats, errors, costs = oracle.answer(CELLS[[2] * many], 1)
    assert (rows, repeats) == ([2] * many, [1] * many)
    np.testing.assert_allclose(errors, [0.27] * many, atol=1e-6)
    np.testing.assert_allclose(costs, [131] * many)


def go(table: Table, protocol: Protocol, *proposals: Any) -> Any:
    protocol.check(table)
    optimizer = scripted(*proposals)
    return run(Run(table, table, protocol, optimizer, optimizer.make_settings(), "l", 0, 0, 1e4))


def test_the_observed_repeat_may_be_what_is_reported(grid_table: Table) -> None:
    """Test accuracy is .05 below that of validation: of cell 0 in repeat 0 at budget 9, .47."""
    made = own(repeat=0, test="repeat", incumbent="largest")
    steps = go(grid_table, made, Proposal(CELLS[[3]], 1.0), Proposal(CELLS[[0]], 9.0)).trajectory
    assert steps.budget.tolist() == [9]
    assert steps.test_error == pytest.approx([0.53])


def test_incumbents_may_be_judged_at_another_budget(grid_table: Table) -> None:
    """At budget 1 the mean accuracy of cell 3 is .5 + .3 + .005, the best of all."""
    result = go(grid_table, own(report_budget=1), Proposal(CELLS[[3]], 9.0))
    assert result.trajectory.mean_validation_error == pytest.approx([0.195])
    assert result.regret("validation").tolist() == [0]


def test_what_a_table_cannot_do_is_said_before_the_first_run(grid_table: Table) -> None:
    with pytest.raises(ProtocolError, match=r"repeat 2 of grid \(it has 2, counted from 0\)"):
        own(repeat=2).check(grid_table)
    with pytest.raises(ProtocolError, match=r"which lacks budget 4 of grid"):
        own(budgets=[1, 4, 9]).check(grid_table)
    with pytest.raises(ProtocolError, match=r"trainings of budget 1, and regret is about budget 9"):
        own(test="repeat").check(grid_table)
    own(test="repeat", budgets=[9]).check(grid_table)
    with pytest.raises(ProtocolError, match="counting is about NAS-Bench-101's cells only"):
        own(counting="after").check(grid_table)


def test_a_repeat_that_some_cell_lacks_is_refused(grid_table: Table) -> None:
    accuracy = np.array(grid_table.columns["validation_accuracy"])
    accuracy[2, 1, 1] = np.nan
    seconds = np.where(np.isnan(accuracy), np.nan, 1.0)
    table = Table.from_arrays(
        *("holes", grid_table.space, (1, 9)),
        validation_accuracy=accuracy,
        training_seconds=seconds,
    )
    own(repeat=0).check(table)
    with pytest.raises(ProtocolError, match=r"repeat 1 at budget 9 of holes for 1 cells, .*row 2"):
        own(repeat=1).check(table)


SUITE = """
tables = ["{table}"]
evaluations = 5
runs = 1

[protocol]
based_on = "nb101-colab"
{choices}

[[optimizers]]
name = "random_search"
"""


def test_a_suite_of_ones_own_protocol_knows_it_again(
    small101: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = tmp_path / "mine.toml"
    suite.write_text(SUITE.format(table=small101, choices="repeat = 1"))
    name = "nb101-colab with repeat 1"
    folder = run_suite(read_spec(suite), tmp_path / "out").folder
    found = load_suite(folder)
    (done,) = found.runs["small101"]["random_search"]
    assert done.protocol["name"] == found.identity.protocol.name == name
    assert done.protocol["repeat"] == 1
    assert found.frame("final")["protocol"].tolist() == [name]
    assert f"followed the protocol {name} of" in methods_paragraph(found, Look())
    again = spec_of_folder(folder)
    assert again.protocol == {"based_on": "nb101-colab", "repeat": 1}
    assert run_suite(again, folder).new == 0
    suite.write_text(SUITE.format(table=small101, choices="repeat = 2"))
    with pytest.raises(SuiteError, match=f"'{name}' there and 'nb101-colab with repeat 2' here"):
        run_suite(read_spec(suite), folder)
    capsys.readouterr()
    assert main(["protocols", str(folder)]) == 0
    assert capsys.readouterr().out.startswith(f"{name}\n    always repeat 1 at budget 108;")
    suite.write_text(SUITE.format(table=small101, choices='observe = "mean"'))
    assert main(["run", str(suite), "--out", str(tmp_path / "other")]) == 2
    said = capsys.readouterr().err.strip()
    assert "observe = 'mean' observes no single one" in said
    assert "\n" not in said
