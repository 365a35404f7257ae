"""The protocols that have a name, and those that a suite makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from regretta.harness.own_protocol import ProtocolChanges, changes_of
from regretta.harness.protocol import Protocol, ProtocolError, Rules
from regretta.tabular_data.documents import DocumentError, built
from regretta.tabular_data.names import unknown

_ALL = (
    Protocol(
        name="default",
        summary=(
            "an observed repeat at the asked budget; the incumbent's mean test error at the largest"
            " budget"
        ),
        rules=Rules(
            validity="the table's own; an invalid configuration is seen as error 1 and is free",
            crossing="an evaluation counts if it finishes within the limit",
            repeats="one measured repeat, drawn anew for every evaluation",
            incumbent="the strictly lowest error seen, whatever its budget",
            charge="the training time of that repeat",
        ),
    ),
    Protocol(
        name="nb101-paper",
        summary=(
            "NAS-Bench-101's comparison: a random repeat at the asked budget, mean test error after"
            " 108 epochs"
        ),
        budgets=(4, 12, 36, 108),
        report_budget=108,
        time_limits={"": 1e7},
        space="nasbench101/",
        needs_budgets=(4, 12, 36, 108),
        needs_test=True,
        needs_repeats=3,
        counting="before",
        source="Ying et al. 2019, section 4.1; automl/nas_benchmarks, nas_cifar10.py",
        rules=Rules(
            validity=(
                "more than 9 edges before pruning, or no path from input to output: error 1, free"
            ),
            crossing=(
                "upstream has no time limit; here an evaluation counts if it finishes within 10^7 s"
            ),
            repeats="one of the three repeats at the asked budget, drawn for every evaluation",
            incumbent="the strictly lowest error seen, budgets mixed; judged by the mean at 108",
            charge="the training time of that repeat, in full at every budget",
        ),
    ),
    Protocol(
        name="nb101-colab",
        summary=(
            "NAS-Bench-101's notebook: full trainings, test error of the same run, the crossing"
            " query counts"
        ),
        budgets=(108,),
        test="repeat",
        crossing=True,
        report_budget=108,
        time_limits={"": 5e6},
        space="nasbench101",
        needs_budgets=(108,),
        needs_test=True,
        needs_repeats=3,
        counting="after",
        source="google-research/nasbench, NASBench.ipynb",
        rules=Rules(
            validity=(
                "more than 9 edges after pruning, or no path from input to output (api.is_valid);"
                " the notebook's searches draw again"
            ),
            crossing="the query that crosses the limit counts, and ends the search",
            repeats="one of the three repeats at 108 epochs, drawn for every query",
            incumbent="the lowest error seen; its test error is of that very repeat",
            charge="the training time of that repeat",
        ),
    ),
    Protocol(
        name="nb201-iclr2020",
        summary=(
            "NAS-Bench-201's Table 5: search CIFAR-10 at 12 epochs, judged after 200 epochs on each"
            " data set"
        ),
        budgets=(200 / 9, 200 / 3, 200.0),
        virtual=True,
        trained_budget=12,
        charge_evaluation="always",
        incumbent="largest",
        report_budget=200,
        time_limits={"": 12_000.0},
        search_data="cifar10",
        space="nasbench201",
        needs_budgets=(200,),
        needs_test=True,
        source="Dong and Yang 2020, Table 5; AutoDL-Projects at bb2f405 (2020-01-15)",
        rules=Rules(
            validity="every cell is valid",
            crossing=(
                "upstream's evolution and REINFORCE may pick the query that crosses; here an"
                " evaluation counts if it finishes within the limit"
            ),
            repeats=(
                "one trial of CIFAR-10's 12-epoch runs, drawn for every query, whatever budget was"
                " asked for; the pick is reported as the mean over its 200-epoch trials"
            ),
            incumbent=(
                "the lowest error seen; of queries with a budget only those asked at the largest"
                " count, as HpBandSter's incumbent does"
            ),
            charge="12 epochs of training and one pass over the validation set, again each time",
        ),
    ),
    Protocol(
        name="nats-2021",
        summary="NATS-Bench: search each data set at 12 epochs, judged after 200 epochs",
        budgets=(1, 4, 12),
        charge_evaluation="measured",
        report_budget=200,
        time_limits={"cifar10": 2e4, "cifar100": 4e4, "imagenet16-120": 1.2e5},
        space="nasbench201",
        needs_budgets=(12, 200),
        needs_test=True,
        source="Dong et al. 2021; AutoDL-Projects, exps/NATS-algos",
        rules=Rules(
            validity="every cell is valid",
            crossing="an evaluation counts if it finishes within the limit",
            repeats=(
                "one trial of the 12-epoch runs of the table's own data set, drawn for every query;"
                " 1 and 4 epochs are moments of that same run"
            ),
            incumbent="the strictly lowest error seen, whatever its budget",
            charge="the training so far and, where it was measured, one pass over validation data",
        ),
    ),
)

PROTOCOLS: Mapping[str, Protocol] = MappingProxyType({protocol.name: protocol for protocol in _ALL})
"""All protocols by name."""


def get_protocol(wanted: str | Mapping[str, Any] | Protocol) -> Protocol:
    """The protocol of a name, or a named one with changes.

    Parameters
    ----------
    wanted
        A name, or what a suite's ``[protocol]`` holds: ``{"based_on": "nats-2021", "repeat": 0}``;
        see `regretta.harness.own_protocol.ProtocolChanges`. A protocol is given back as it is.

    Raises
    ------
    ProtocolError
        If there is none of that name (the message has the nearest), or the changes are none or
        contradict each other.
    """
    if isinstance(wanted, Protocol):
        return wanted
    if not isinstance(wanted, str):
        try:
            changes = built(ProtocolChanges, dict(wanted), "protocol")
        except DocumentError as error:
            raise ProtocolError(str(error)) from None
        return changes.applied(get_protocol(changes.based_on))
    if wanted not in PROTOCOLS:
        raise ProtocolError(unknown("protocol", wanted, PROTOCOLS))
    return PROTOCOLS[wanted]


def written(protocol: Protocol) -> str | dict[str, Any]:
    """A protocol as a suite has it, for `get_protocol`."""
    if not protocol.based_on:
        return protocol.name
    return changes_of(protocol, get_protocol(protocol.based_on))
