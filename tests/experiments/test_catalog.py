"""The built-in suites."""

from __future__ import annotations

import pytest

from regretta.experiments.catalog import built_in_suites, find_suite
from regretta.harness.planning import plan
from regretta.harness.spec import read_spec


@pytest.mark.parametrize("name", list(built_in_suites()))
def test_every_built_in_suite_is_well_written(name: str) -> None:
    spec = find_suite(name)
    assert spec.name == name
    assert spec.title
    assert read_spec(built_in_suites()[name]) == spec


def test_the_quick_suite_is_ready_to_run() -> None:
    spec = find_suite("quick")
    assert spec.tables == ("digits101", "digits201")
    assert set(plan(spec).methods) >= {
        "random_search", "regularized_evolution", "reinforce", "hyperband", "smac", "bohb",
    }  # fmt: skip
