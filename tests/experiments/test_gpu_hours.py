"""What a suite of supernets at the paper's size will take is said before it starts."""

from __future__ import annotations

import pytest

from regretta.experiments.catalog import find_suite
from regretta.experiments.gpu_hours import gpu_hours

PUBLISHED = {
    "RSPS": 8007.13 + 7587.12,
    "DARTS-V1": 11625.77,
    "DARTS-V2": 35781.80,
    "GDAS": 31609.80,
    "SETN": 34139.53 + 31009.81,
    "ENAS": 14058.80 + 13314.51,
}
"""Seconds of NAS-Bench-201's table 5, of those run under both kinds of batch normalization both."""


def test_the_papers_suite_says_its_gpu_hours() -> None:
    said = gpu_hours(find_suite("nasbench201-oneshot"))
    total = 3 * sum(PUBLISHED.values()) / 3600
    assert said.startswith(f"about {total:.0f} GPU hours for 27 supernets")
    assert f"SETN, batch statistics {3 * 31009.81 / 3600:.1f}" in said


def test_fewer_runs_take_less() -> None:
    one = find_suite("nasbench201-oneshot").changed(runs=1, optimizers=["gdas"])
    assert gpu_hours(one).startswith(
        f"about {31609.80 / 3600:.0f} GPU hours for 1 supernet, as long as"
    )


@pytest.mark.parametrize("suite", ["digits201-table5", "quick", "nasbench201-table5"])
def test_a_suite_without_supernets_of_that_size_says_nothing(suite: str) -> None:
    assert gpu_hours(find_suite(suite)) == ""
