"""The layers of a cell's network, whichever space the cell is of."""

from __future__ import annotations

from regretta.tabular_data.measure.nasbench101 import architecture as nasbench101
from regretta.tabular_data.measure.nasbench201 import architecture as nasbench201
from regretta.tabular_data.measure.recipe import Recipe
from regretta.tabular_data.measure.shapes import Layer, Shape
from regretta.tabular_data.spaces.nasbench101_graph import Cell
from regretta.tabular_data.spaces.nasbench201_functions import LiveCell

AnyCell = Cell | LiveCell


def network_layers(cell: AnyCell, image: Shape, recipe: Recipe) -> list[Layer]:
    """List the layers of a cell's network in the order they are used, the dense one left out."""
    if isinstance(cell, LiveCell):
        return nasbench201.layers(cell, image, recipe)
    return list(nasbench101.convolutions(cell, image, recipe.channels, recipe.cells_per_stage))
