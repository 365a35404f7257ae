"""Test and validation regret never meet, nor does a regret go by the name of an error."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from regretta.harness.reported import measure, measured, regret_kind


class Judged(NamedTuple):
    """A run as the rules see one."""

    has_test: bool = True
    reference: object = 0.05


TESTED, UNTESTED, UNKNOWN = Judged(), Judged(has_test=False), Judged(reference=None)


@pytest.mark.parametrize(
    ("runs", "kind"),
    [
        ({"a": [TESTED, TESTED]}, "test"),
        ({"a": [TESTED, TESTED], "b": [TESTED, UNTESTED]}, "validation"),
        ({"a": [], "b": [TESTED]}, "test"),
    ],
)
def test_one_run_without_a_test_error_makes_all_of_them_validation_regret(
    runs: dict[str, list[Judged]], kind: str
) -> None:
    assert regret_kind(runs) == kind


def test_all_tables_of_a_comparison_have_one_kind() -> None:
    assert regret_kind({"a": [TESTED]}, {"a": [UNTESTED]}) == "validation"


@pytest.mark.parametrize(
    ("runs", "word"),
    [
        ({"a": [TESTED], "b": [UNTESTED]}, "regret"),
        ({"a": [UNKNOWN]}, "error"),
        ({"a": [TESTED], "b": [UNKNOWN]}, "regret or error"),
        ({"a": []}, "regret"),
    ],
)
def test_where_nobody_knows_the_best_it_is_an_error(
    runs: dict[str, list[Judged]], word: str
) -> None:
    assert measure(runs) == word
    assert measured(runs, kind="test") == f"test {word}"
