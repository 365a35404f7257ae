"""The paper's other data sets, for what was searched on CIFAR-10 alone."""

from __future__ import annotations

from collections.abc import Mapping

from regretta.harness.store.results import SuiteResults
from regretta.plots.paper.nasbench201.published import DATASETS, WEIGHT_SHARING
from regretta.tabular_data.catalog import find_table, open_table, sibling
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.table import Table


def beside(suite: SuiteResults, table: str) -> Mapping[str, Table]:
    """Tables of the paper's other data sets that belong with a table on which supernets searched.

    A supernet is trained once, on CIFAR-10, and what it derives is looked up on all data sets; the
    tables of the others are those of the same collection in the catalog. Nothing is found of a data
    set that supernets of the suite searched themselves, where there is no such table, or where it
    is another one than the suite's of that name.

    Returns
    -------
    mapping
        Data set → table, in the paper's order.
    """
    about = suite.identity.tables
    searched = {
        about[name].dataset
        for name, group in suite.runs.items()
        if any(run.optimizer in WEIGHT_SHARING for runs in group.values() for run in runs[:1])
    }
    found = {}
    if about[table].dataset in searched & set(DATASETS):
        for dataset in (name for name in DATASETS if name not in searched):
            try:
                other = open_table(sibling(find_table(about[table].place or table), dataset))
            except UserError:
                continue
            if other.name not in about or about[other.name].checksum == other.checksum:
                found[dataset] = other
    return found
