"""Shapes of images, the convolutions of a network, and what they count; PyTorch is not needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from regretta.tabular_data.measure.errors import MeasureError


@dataclass(frozen=True)
class Shape:
    """Channels, height and width of the images at some place of the network."""

    channels: int
    height: int
    width: int


@dataclass(frozen=True)
class Convolution:
    """One convolution without bias and, mostly, the batch normalisation of its output.

    Convolutions of one kernel that read the same images are one: normalisation and rectifier act
    on every channel by itself, so that the parts of the joint convolution are the separate ones.
    `height` and `width` are those of the output.
    """

    name: str
    kernel: int
    in_channels: int
    out_channels: int
    height: int
    width: int
    normalised: bool = True

    @property
    def fan_in(self) -> int:
        """Inputs of every output value."""
        return self.in_channels * self.kernel * self.kernel

    @property
    def n_parameters(self) -> int:
        """Weights, and the scale and the shift of every channel."""
        return self.out_channels * (self.fan_in + 2 * self.normalised)

    @property
    def multiply_adds(self) -> int:
        """Multiplications (each with its addition) of one image."""
        return self.out_channels * self.fan_in * self.height * self.width


@dataclass(frozen=True)
class Normalisation:
    """Batch normalisation without a convolution before it."""

    name: str
    out_channels: int
    fan_in: int = 0
    multiply_adds: int = 0
    normalised: bool = True

    @property
    def n_parameters(self) -> int:
        """The scale and the shift of every channel."""
        return 2 * self.out_channels


Layer = Convolution | Normalisation


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


def count_parameters(layers: Sequence[Layer], features: int, n_classes: int) -> int:
    """Trainable parameters of the convolutions and of the dense layer ``features -> n_classes``."""
    return sum(layer.n_parameters for layer in layers) + n_classes * (features + 1)


def count_multiply_adds(layers: Sequence[Layer], features: int, n_classes: int) -> int:
    """Multiply-adds of one image in the convolutions and in the dense layer.

    One multiplication with its addition counts once. Sums of vertices, normalisation, rectifiers
    and pooling are not counted.
    """
    return sum(layer.multiply_adds for layer in layers) + n_classes * features
