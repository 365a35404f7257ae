"""How every cell of a table is trained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """The training recipe, the same for every cell of a table.

    Stochastic gradient descent with Nesterov momentum. The learning rate follows half a cosine
    from `learning_rate` to zero over the steps of the run, so that every budget is a run of its
    own.

    Attributes
    ----------
    batch : int
        Images of one step. What remains of an epoch's shuffle is dropped.
    learning_rate, momentum : float
        Of the gradient descent.
    weight_decay : float
        Added to the gradient of every trainable parameter, times the parameter.
    widths : tuple of int
        Channels of each stage; height and width are halved between stages.
    cells_per_stage : int
        How often each stage repeats the cell.
    norm_epsilon : float
        Added to the variances of batch normalisation.
    norm_momentum : float
        Share of the newest batch in the running statistics that evaluation uses. They are
        corrected for their start at zero.
    evaluation_batch : int
        Largest number of images evaluated at once; it does not change any prediction beyond
        rounding.
    """

    batch: int = 50
    learning_rate: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 1e-4
    widths: tuple[int, ...] = (8, 16)
    cells_per_stage: int = 1
    norm_epsilon: float = 1e-5
    norm_momentum: float = 0.3
    evaluation_batch: int = 200
