"""SMAC: the package as it comes (`stock`), and at the speed of a campaign (`smac`).

`smac` replaces four components of the package: its `bookkeeping`, `forest` and `search`, and the
`facade` that keeps nothing on disk.
"""

from regretta.optimizers.smac.smac import Smac
from regretta.optimizers.smac.stock import SmacStock

__all__ = ["Smac", "SmacStock"]
