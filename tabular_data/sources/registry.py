"""Every source of tables; a new one is a file and an entry here."""

from __future__ import annotations

from regretta.tabular_data.sources import nasbench101
from regretta.tabular_data.sources.base import FileFormat, PackagedTable
from regretta.tabular_data.sources.nasbench201 import nats_bench, pth
from regretta.tabular_data.sources.simple_hpo import nas_hpo_bench
from regretta.tabular_data.sources.simple_hpo import nasbench201 as packaged_nasbench201

FORMATS: tuple[FileFormat, ...] = (
    nasbench101.FORMAT,
    nats_bench.FORMAT,
    pth.FORMAT,
    packaged_nasbench201.FORMAT,
)
"""Formats of published files."""

PACKAGED: tuple[PackagedTable, ...] = (*packaged_nasbench201.TABLES, *nas_hpo_bench.TABLES)
"""Tables of installed packages."""
