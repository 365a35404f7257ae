"""SMAC: the package as it comes (`stock`), and at the speed of a campaign (`smac`).

`smac` has the algorithm on arrays: `loop`, `forest` and `search`, whose inner loops are compiled
(`kernels`). `facade` makes the last two components of the package's own loop.
"""

from regretta.optimizers.smac.smac import Smac
from regretta.optimizers.smac.stock import SmacStock

__all__ = ["Smac", "SmacStock"]
