"""The paper's other data sets, for what was searched on CIFAR-10 alone."""

from __future__ import annotations

from collections.abc import Mapping

from regretta.harness.store.results import SuiteResults
from regretta.plots.paper.nasbench201.published import DATASETS, WEIGHT_SHARING
from regretta.tabular_data.catalog import find_table, open_table, sibling
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.table import Table


def beside(suite: SuiteResults) -> Mapping[str, Table]:
    """Tables of the paper's other data sets that belong with the only table of a suite.

    A supernet is trained once, on CIFAR-10, and what it derives is looked up on all data sets; the
    tables of the others are those of the same collection in the catalog. Where there is none, or
    the suite has no method that shares weights, nothing is found.

    Returns
    -------
    mapping
        Data set → table, in the paper's order.
    """
    kinds = {method.optimizer for method in suite.identity.methods.values()}
    if len(suite.tables) != 1 or not kinds & set(WEIGHT_SHARING):
        return {}
    name, about = next(iter(suite.identity.tables.items()))
    found = {}
    for dataset in DATASETS if about.dataset in DATASETS else ():
        if dataset != about.dataset:
            try:
                found[dataset] = open_table(sibling(find_table(about.place or name), dataset))
            except UserError:
                continue
    return found
