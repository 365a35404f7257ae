"""BOHB: hpbandster's brackets (`bohb`) and its generator of configurations (`generator`)."""

from regretta.optimizers.bohb.bohb import Bohb

__all__ = ["Bohb"]
