"""The network that a NAS-Bench-201 cell stands for: the benchmark's skeleton and its layers.

A 3x3 stem with normalisation; stages of equal cells; before every stage but the first a residual
block that halves height and width; normalisation, rectifier, global average and dense layer.
Everything here is arithmetic on the cell; PyTorch is not needed.

Source: Dong and Yang (2020), "NAS-Bench-201", ICLR, section 2.1, and D-X-Y/AutoDL-Projects
(``lib/models/cell_operations.py``, ``cell_infers/tiny_network.py``). Unlike there, what follows
from a zero is zero: a convolution of zeros has no part in a network, not even by its shift.
"""

from __future__ import annotations

from regretta.tabular_data.measure.errors import MeasureError
from regretta.tabular_data.measure.recipe import Recipe
from regretta.tabular_data.measure.shapes import Convolution, Layer, Normalisation, Shape
from regretta.tabular_data.spaces.nasbench201_functions import CONV1X1, CONV3X3, LiveCell

KERNELS = {3: CONV3X3, 1: CONV1X1}


def stage_shapes(image: Shape, channels: tuple[int, ...]) -> list[Shape]:
    """Shape of the images in each stage: every stage halves height and width, rounding up.

    Raises
    ------
    MeasureError
        The images are too small to be halved that often.
    """
    shapes = [
        Shape(count, -(-image.height >> k), -(-image.width >> k))
        for k, count in enumerate(channels)
    ]
    if min(image.height, image.width) >> (len(channels) - 1) < 1:
        raise MeasureError(
            f"images of {image.height} by {image.width} pixels are too small for {len(channels)}"
            " stages"
        )
    return shapes


def layers(cell: LiveCell, image: Shape, recipe: Recipe) -> list[Layer]:
    """List the layers of the whole network, the stem first, in the order they are used.

    Returns
    -------
    list of Layer
        Named ``stem``, ``<stage>.reduce.<a, b or shortcut>``, ``last``, and for the convolutions
        of one kernel that read one node of a cell ``<stage>.<cell>.<node>.<kernel>``: their
        outputs are stacked, by the node that they feed.
    """
    shapes = stage_shapes(image, recipe.channels)
    found: list[Layer] = [
        Convolution("stem", 3, image.channels, shapes[0].channels, image.height, image.width)
    ]
    for stage, shape in enumerate(shapes):
        c, size = shape.channels, (shape.height, shape.width)
        if stage:
            before = shapes[stage - 1].channels
            found += [
                Convolution(f"{stage}.reduce.a", 3, before, c, *size),
                Convolution(f"{stage}.reduce.b", 3, c, c, *size),
                Convolution(f"{stage}.reduce.shortcut", 1, before, c, *size, normalised=False),
            ]
        for place in range(recipe.cells_per_stage):
            for source in range(3):
                for kernel, operation in KERNELS.items():
                    if count := len(cell.targets(source, operation)):
                        name = f"{stage}.{place}.{source}.{kernel}"
                        found.append(Convolution(name, kernel, c, count * c, *size))
    return [*found, Normalisation("last", shapes[-1].channels)]
