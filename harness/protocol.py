"""Protocols: what a search sees, what it is charged, and what counts as its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from regretta.tabular_data.benchmark import Benchmark, Rule
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.names import unknown
from regretta.tabular_data.spaces import Counting
from regretta.tabular_data.table import Table


@dataclass(frozen=True)
class Rules:
    """The rules of a protocol's source, a sentence each, and where the protocol departs.

    Attributes
    ----------
    validity
        Which configurations are no cell, and what becomes of them.
    crossing
        What becomes of the evaluation that crosses the time limit.
    repeats
        Which measurement an evaluation shows.
    incumbent
        Which evaluation becomes the incumbent, and on what it is judged.
    charge
        What an evaluation costs.
    """

    validity: str = ""
    crossing: str = ""
    repeats: str = ""
    incumbent: str = ""
    charge: str = ""


class ProtocolError(UserError):
    """A protocol that does not exist, or that asks for what a table lacks."""


@dataclass(frozen=True)
class Protocol:
    """The rules of a comparison.

    An invalid configuration is always observed as error 1 at no cost, and equal configurations are
    charged each time they are evaluated.

    Attributes
    ----------
    name, summary
        How suites call it, and one sentence for people.
    observe
        ``repeat``: one measured repeat, drawn anew for every evaluation; accuracy and time are of
        that same repeat. ``mean``: the means over the repeats; those that differ by no more than
        `regretta.harness.regret.TOLERANCE` tie.
    budgets
        Budgets a search may ask for; empty for all of the table's. Of several, those a table lacks
        are left out as long as the largest is there, unless `virtual`.
    virtual
        The budgets are names only: every evaluation trains for `trained_budget`, whatever was
        asked.
    trained_budget
        Budget of every evaluation where `virtual`.
    charge_evaluation
        Whether one pass over the validation set is charged besides the training: ``never``,
        ``always``, or ``measured``, which is where the table has its time; a run without it says so
        in its notes.
    incumbent
        ``any``: the lowest observed validation error so far, whatever its budget. ``largest``: only
        evaluations asked for at the largest budget count.
    test
        ``mean``: the incumbent's mean test error at `report_budget`. ``repeat``: that of the very
        repeat that was observed.
    report_budget
        Budget at which the incumbent is judged; None for the table's largest.
    crossing
        Whether the evaluation that crosses the time limit still counts.
    time_limits
        Default time limit, simulated seconds, by the table's data set; ``""`` for all others.
    search_data
        Data set that every search runs on; the incumbent is judged on the table's own. Empty: the
        same.
    space, needs_budgets, needs_test, needs_repeats
        What a table must have.
    counting
        Which of NAS-Bench-101's two rules decides whether a configuration has too many edges:
        ``before`` or ``after`` pruning. None: the table's own.
    source
        Where the rules come from.
    rules
        The source's own rules in words.
    """

    name: str
    summary: str = field(compare=False)
    observe: Literal["repeat", "mean"] = "repeat"
    budgets: tuple[float, ...] = ()
    virtual: bool = False
    trained_budget: float | None = None
    charge_evaluation: Literal["never", "always", "measured"] = "never"
    incumbent: Literal["any", "largest"] = "any"
    test: Literal["mean", "repeat"] = "mean"
    report_budget: float | None = None
    crossing: bool = False
    time_limits: Mapping[str, float] = field(default_factory=dict)
    search_data: str = ""
    space: str = ""
    needs_budgets: tuple[float, ...] = ()
    needs_test: bool = False
    needs_repeats: int = 1
    counting: Counting | None = None
    source: str = field(default="", compare=False)
    rules: Rules = field(default=Rules(), compare=False, metadata={"stored": False})

    def rule(self) -> Rule:
        """What an evaluation shows and costs."""
        return Rule(mean=self.observe == "mean", evaluation=self.charge_evaluation != "never")

    def offered_budgets(self, searched: Benchmark) -> tuple[float, ...]:
        """Budgets a search may ask for, ascending."""
        if not self.budgets:
            return searched.budgets
        if self.virtual:
            return self.budgets
        return tuple(budget for budget in self.budgets if _has(searched, budget))

    def time_limit(self, benchmark: Benchmark) -> float | None:
        """The protocol's own time limit, simulated seconds; None where it has none."""
        return self.time_limits.get(benchmark.dataset, self.time_limits.get(""))

    def check(self, benchmark: Benchmark, searched: Benchmark | None = None) -> None:
        """Refuse a benchmark that lacks what the protocol asks for.

        Parameters
        ----------
        benchmark
            What incumbents are judged on.
        searched
            What is searched, where it is another one.

        Raises
        ------
        ProtocolError
            Naming the benchmark, the protocol and all that is missing.
        """
        searched = searched or benchmark
        lacking = []
        if self.space and not benchmark.space.name.startswith(self.space):
            lacking.append(f"the search space {self.space} (it has {benchmark.space.name})")
        if self.needs_test and not benchmark.has_test:
            lacking.append("test accuracy")
        if self.test == "repeat" and "test_accuracy" not in _columns(searched):
            lacking.append("test accuracy of each repeat")
        report = [self.report_budget] if self.report_budget is not None else []
        for owner, budgets in (
            (benchmark, [*self.needs_budgets, *report]),
            (searched, self._searched_budgets()),
        ):
            for budget in budgets:
                missing = f"budget {budget:.12g} of {owner.name}"
                if not _has(owner, budget) and missing not in lacking:
                    lacking.append(missing)
        if benchmark.repeats < self.needs_repeats:
            lacking.append(f"{self.needs_repeats} repeats (it has {benchmark.repeats})")
        if self.charge_evaluation == "always" and "evaluation_seconds" not in _columns(searched):
            lacking.append(f"evaluation_seconds of {searched.name}")
        if searched.n_cells != benchmark.n_cells:
            lacking.append(f"the same cells as {searched.name}")
        if not lacking:
            lacking += self._gaps(benchmark, searched)
        if lacking:
            raise ProtocolError(
                f"protocol {self.name!r} cannot run on table {benchmark.name!r}, which lacks"
                f" {'; '.join(lacking)}"
            )

    def _gaps(self, benchmark: Benchmark, searched: Benchmark) -> list[str]:
        """What tables lack of cells that a search can meet: no search may run into a gap."""
        if not (isinstance(benchmark, Table) and isinstance(searched, Table)):
            return []
        present = searched.available.any(axis=1)
        offered = self.offered_budgets(searched)
        trained = offered if self.trained_budget is None else (self.trained_budget,)
        needed = [(searched, "measurement", b, searched.available) for b in trained]
        report = benchmark.budgets[-1] if self.report_budget is None else self.report_budget
        needed.append((benchmark, "measurement", report, benchmark.available))
        if benchmark.mean_test_error is not None:
            tested = ~np.isnan(benchmark.mean_test_error)
            needed.append((benchmark, "test accuracy", report, tested))
        if self.test == "repeat":
            both = np.isnan(searched.columns["test_accuracy"]) <= np.isnan(
                searched.columns["validation_accuracy"]
            )
            needed += [(searched, "test accuracy of each repeat", b, both.all(2)) for b in trained]
        gaps = {}
        for owner, what, budget, measured in needed:
            missing = present & ~measured[:, owner.budget_index(budget)].astype(bool)
            if missing.any():
                row = int(np.argmax(missing))
                said = f"{what} at budget {budget:.12g} of {owner.name}"
                cells = f"{int(missing.sum()):,} cells, the first is row {row}"
                gaps[said] = f"{said} for {cells} ({owner.space.describe(row)})"
        return list(gaps.values())

    def _searched_budgets(self) -> list[float]:
        if self.trained_budget is not None:
            return [self.trained_budget]
        return [self.budgets[-1]] if self.budgets else []

    def as_dict(self) -> dict[str, Any]:
        """The fields that results keep, as JSON can hold them."""
        plain = {
            f.name: getattr(self, f.name) for f in fields(self) if f.metadata.get("stored", True)
        }
        return {
            key: (
                list(value)
                if isinstance(value, tuple)
                else dict(value)
                if isinstance(value, Mapping)
                else value
            )
            for key, value in plain.items()
        }


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


def get_protocol(name: str) -> Protocol:
    """The protocol of a name.

    Raises
    ------
    ProtocolError
        If there is none; the message has the nearest names.
    """
    if name not in PROTOCOLS:
        raise ProtocolError(unknown("protocol", name, PROTOCOLS))
    return PROTOCOLS[name]


def _columns(benchmark: Benchmark) -> Mapping[str, Any]:
    return benchmark.columns if isinstance(benchmark, Table) else {}


def _has(benchmark: Benchmark, budget: float) -> bool:
    return any(abs(level - budget) <= 1e-9 * level for level in benchmark.budgets)
