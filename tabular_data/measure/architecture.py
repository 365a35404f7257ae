"""The network that a NAS-Bench-101 cell stands for: channels, layers, parameters and multiply-adds.

Everything here is arithmetic on the cell; nothing is trained and PyTorch is not needed.

Source: Ying et al. (2019), "NAS-Bench-101: Towards Reproducible Neural Architecture Search",
arXiv:1902.09635, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regretta.tabular_data.measure.errors import MeasureError

CONV3X3 = "conv3x3-bn-relu"
CONV1X1 = "conv1x1-bn-relu"
MAXPOOL3X3 = "maxpool3x3"
OPERATIONS = (CONV3X3, CONV1X1, MAXPOOL3X3)


@dataclass(frozen=True)
class Cell:
    """One pruned cell: a directed acyclic graph with an operation on every interior vertex.

    Parameters
    ----------
    matrix : tuple of tuple of int
        Upper triangular 0/1 adjacency matrix, ``n`` rows of ``n``. Vertex 0 is the input of the
        cell and vertex ``n - 1`` its output.
    operations : tuple of str
        The ``n - 2`` operations of the interior vertices, each one of `OPERATIONS`.

    Raises
    ------
    MeasureError
        The matrix is not square, not upper triangular, not of zeros and ones, has a vertex that is
        on no path from the input to the output, or does not fit the operations.
    """

    matrix: tuple[tuple[int, ...], ...]
    operations: tuple[str, ...]

    def __post_init__(self) -> None:
        n = len(self.matrix)
        if n < 2 or any(len(row) != n for row in self.matrix):
            raise MeasureError("cell: the matrix must be square, with at least two vertices")
        if len(self.operations) != n - 2:
            raise MeasureError(
                f"cell: {n} vertices need {n - 2} operations, not {len(self.operations)}"
            )
        for operation in self.operations:
            if operation not in OPERATIONS:
                raise MeasureError(
                    f"cell: unknown operation {operation!r}; known: {', '.join(OPERATIONS)}"
                )
        for i in range(n):
            for j in range(n):
                if self.matrix[i][j] not in (0, 1) or (self.matrix[i][j] and i >= j):
                    raise MeasureError(
                        "cell: the matrix must be upper triangular, of zeros and ones"
                    )
        for v in range(n):
            has_input = v == 0 or any(self.matrix[u][v] for u in range(v))
            has_output = v == n - 1 or any(self.matrix[v][v + 1 :])
            if not (has_input and has_output):
                raise MeasureError(
                    f"cell: vertex {v} is on no path from the input to the output; prune it first"
                )

    @classmethod
    def from_array(cls, matrix: npt.ArrayLike, operations: tuple[str, ...] | list[str]) -> Cell:
        """Make a cell of an array ``[n, n]`` and the names of the interior operations."""
        array = np.asarray(matrix)
        if array.ndim != 2:
            raise MeasureError("cell: the matrix must have two dimensions")
        return cls(tuple(tuple(int(x) for x in row) for row in array), tuple(operations))

    @property
    def n_vertices(self) -> int:
        """Number of vertices, the input and the output among them."""
        return len(self.matrix)

    def feeds_output(self, vertex: int) -> bool:
        """Whether there is an edge from ``vertex`` to the output."""
        return bool(self.matrix[vertex][self.n_vertices - 1])

    def interior_sources(self, vertex: int) -> list[int]:
        """Interior vertices with an edge to ``vertex``, in order."""
        return [u for u in range(1, vertex) if self.matrix[u][vertex]]


@dataclass(frozen=True)
class Shape:
    """Channels, height and width of the images at some place of the network."""

    channels: int
    height: int
    width: int


@dataclass(frozen=True)
class Convolution:
    """One convolution without bias, followed by batch normalisation and a rectifier.

    All projections of a cell's input are one convolution: they read the same images, and batch
    normalisation and rectifier act on every channel by itself, so that the parts of the joint
    convolution are exactly the separate ones.
    """

    name: str
    kernel: int
    in_channels: int
    out_channels: int
    height: int
    width: int

    @property
    def fan_in(self) -> int:
        """Inputs of every output value."""
        return self.in_channels * self.kernel * self.kernel

    @property
    def n_parameters(self) -> int:
        """Weights, and the scale and the shift of every channel."""
        return self.out_channels * (self.fan_in + 2)

    @property
    def multiply_adds(self) -> int:
        """Multiplications (each with its addition) of one image."""
        return self.out_channels * self.fan_in * self.height * self.width


def vertex_channels(cell: Cell, in_channels: int, out_channels: int) -> list[int]:
    """Channels of every vertex of a cell.

    The output is the concatenation of the interior vertices that feed it: its channels are
    divided among them, and the remainder goes, one each, to the first ones. Any other interior
    vertex has as many channels as the widest vertex that it feeds.

    Parameters
    ----------
    cell : Cell
    in_channels, out_channels : int
        Channels of the cell's input and of its output.

    Returns
    -------
    list of int
        One number a vertex.

    Raises
    ------
    MeasureError
        More vertices feed the output than it has channels.
    """
    n = cell.n_vertices
    channels = [0] * n
    channels[0], channels[n - 1] = in_channels, out_channels
    feeding = [v for v in range(1, n - 1) if cell.feeds_output(v)]
    if len(feeding) > out_channels:
        raise MeasureError(f"cell: {len(feeding)} vertices share {out_channels} output channels")
    for rank, v in enumerate(feeding):
        share, remainder = divmod(out_channels, len(feeding))
        channels[v] = share + (rank < remainder)
    for v in range(n - 3, 0, -1):
        if not channels[v]:
            channels[v] = max(channels[w] for w in range(v + 1, n - 1) if cell.matrix[v][w])
    return channels


def stage_shapes(image: Shape, widths: tuple[int, ...]) -> list[Shape]:
    """Shape of the images in each stage: every stage halves height and width, rounding down.

    Raises
    ------
    MeasureError
        The images are too small to be halved that often.
    """
    shapes = [Shape(width, image.height >> k, image.width >> k) for k, width in enumerate(widths)]
    if min(shapes[-1].height, shapes[-1].width) < 1:
        raise MeasureError(
            f"images of {image.height} by {image.width} pixels are too small for {len(widths)}"
            " stages"
        )
    return shapes


def convolutions(
    cell: Cell, image: Shape, widths: tuple[int, ...], cells_per_stage: int = 1
) -> list[Convolution]:
    """List the convolutions of the whole network, the stem first, in the order they are used.

    Parameters
    ----------
    cell : Cell
        The cell that the network repeats.
    image : Shape
        Shape of an input image.
    widths : tuple of int
        Channels of each stage.
    cells_per_stage : int
        How often each stage repeats the cell.

    Returns
    -------
    list of Convolution
        Named ``stem``, ``<stage>.<cell>.project`` and ``<stage>.<cell>.<vertex>``.
    """
    layers = [Convolution("stem", 3, image.channels, widths[0], image.height, image.width)]
    channels = widths[0]
    for stage, shape in enumerate(stage_shapes(image, widths)):
        for repeat in range(cells_per_stage):
            counts = vertex_channels(cell, channels, shape.channels)
            projected = sum(counts[v] for v in range(1, cell.n_vertices) if cell.matrix[0][v])
            place = f"{stage}.{repeat}"
            layers.append(
                Convolution(f"{place}.project", 1, channels, projected, shape.height, shape.width)
            )
            for v, operation in enumerate(cell.operations, start=1):
                if operation != MAXPOOL3X3:
                    kernel = 3 if operation == CONV3X3 else 1
                    layers.append(
                        Convolution(
                            f"{place}.{v}", kernel, counts[v], counts[v], shape.height, shape.width
                        )
                    )
            channels = shape.channels
    return layers


def count_parameters(layers: list[Convolution], features: int, n_classes: int) -> int:
    """Trainable parameters of the convolutions and of the dense layer ``features -> n_classes``."""
    return sum(layer.n_parameters for layer in layers) + n_classes * (features + 1)


def count_multiply_adds(layers: list[Convolution], features: int, n_classes: int) -> int:
    """Multiply-adds of one image in the convolutions and in the dense layer.

    One multiplication with its addition counts once. Sums of vertices, normalisation, rectifiers
    and pooling are not counted.
    """
    return sum(layer.multiply_adds for layer in layers) + n_classes * features
