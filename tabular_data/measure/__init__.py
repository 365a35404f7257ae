"""Measure tables: train every cell of a search space on a data set.

PyTorch is needed only to train; importing this package does not need it.
"""

from regretta.tabular_data.measure.builder import Measurements, build, measure_cell
from regretta.tabular_data.measure.datasets import ImageData, load
from regretta.tabular_data.measure.errors import MeasureError
from regretta.tabular_data.measure.plan import Plan, family_of, make_plan, run_seed
from regretta.tabular_data.measure.publish import build_table, to_table
from regretta.tabular_data.measure.recipe import RECIPES, Recipe, require_recipe
from regretta.tabular_data.measure.timed_table import time_table
from regretta.tabular_data.measure.weights import TrainedNetwork, load_network

__all__ = [
    "RECIPES",
    "ImageData",
    "MeasureError",
    "Measurements",
    "Plan",
    "Recipe",
    "TrainedNetwork",
    "build",
    "build_table",
    "family_of",
    "load",
    "load_network",
    "make_plan",
    "measure_cell",
    "require_recipe",
    "run_seed",
    "time_table",
    "to_table",
]
