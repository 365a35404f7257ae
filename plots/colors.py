"""How far apart colours are for readers with and without a deficiency of colour vision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from colorsys import hls_to_rgb, rgb_to_hls
from types import MappingProxyType

import numpy as np
from matplotlib.colors import to_hex, to_rgb
from numpy.typing import NDArray

VISIONS: Mapping[str, NDArray[np.float64]] = MappingProxyType(
    {
        "common": np.eye(3),
        "protanopia": np.array(
            [
                [0.152286, 1.052583, -0.204868],
                [0.114503, 0.786281, 0.099216],
                [-0.003882, -0.048116, 1.051998],
            ]
        ),
        "deuteranopia": np.array(
            [
                [0.367322, 0.860646, -0.227968],
                [0.280085, 0.672501, 0.047413],
                [-0.011820, 0.042940, 0.968881],
            ]
        ),
        "tritanopia": np.array(
            [
                [1.255528, -0.076749, -0.178779],
                [-0.078411, 0.930809, 0.147602],
                [0.004733, 0.691367, 0.303900],
            ]
        ),
    }
)
"""What a reader sees of linear RGB: Machado, Oliveira and Fernandes (2009), severity 1."""

_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])


def seen(colors: Sequence[str], vision: str) -> NDArray[np.float64]:
    """CIE L*a*b* (D65) of colours as a reader sees them: shape ``[colors, 3]``.

    Parameters
    ----------
    colors
        As matplotlib takes them.
    vision
        A key of `VISIONS`.
    """
    srgb = np.array([to_rgb(color) for color in colors]).reshape(-1, 3)
    linear = np.clip(_linear(srgb) @ VISIONS[vision].T, 0, 1)
    t = linear @ _TO_XYZ.T / _WHITE
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = f.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def ciede2000(one: NDArray[np.float64], two: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIEDE2000 difference of colours in L*a*b*: shapes ``[..., 3]`` to ``[...]``.

    As in Sharma, Wu and Dalal (2005), who give pairs to check an implementation with. About 1 is
    the least difference that can be seen side by side.
    """
    light1, a1, b1 = np.moveaxis(one, -1, 0)
    light2, a2, b2 = np.moveaxis(two, -1, 0)
    chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    stretch = 1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    a1, a2 = a1 * stretch, a2 * stretch
    chroma1, chroma2 = np.hypot(a1, b1), np.hypot(a2, b2)
    hue1, hue2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    grey = chroma1 * chroma2 == 0
    turn = np.where(grey, 0.0, (hue2 - hue1 + 180) % 360 - 180)
    turn = np.where(~grey & (turn == -180), 180.0, turn)
    d_hue = 2 * np.sqrt(chroma1 * chroma2) * np.sin(np.radians(turn) / 2)
    light, chroma = (light1 + light2) / 2, (chroma1 + chroma2) / 2
    total = hue1 + hue2
    wrapped = np.where(total < 360, total + 360, total - 360)
    hue = np.where(grey, total, np.where(np.abs(hue1 - hue2) <= 180, total, wrapped) / 2)
    weight = (
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63))
    )
    by_light = (light2 - light1) / (1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2))
    by_chroma = (chroma2 - chroma1) / (1 + 0.045 * chroma)
    by_hue = d_hue / (1 + 0.015 * chroma * weight)
    blue = (
        -2
        * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
        * np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    )
    difference = np.sqrt(by_light**2 + by_chroma**2 + by_hue**2 + blue * by_chroma * by_hue)
    return np.asarray(difference, dtype=np.float64)


def distances(one: Sequence[str], two: Sequence[str]) -> NDArray[np.float64]:
    """CIEDE2000 between colours, for the reader to whom they are closest: shape ``[one, two]``."""
    by_vision = [ciede2000(seen(one, v)[:, None], seen(two, v)[None, :]) for v in VISIONS]
    return np.asarray(np.min(by_vision, axis=0))


DARK = "#1B1B1D"
"""The ground of pages for dark surroundings."""


def contrast(one: str, two: str) -> float:
    """Contrast of two colours, from 1 to 21 (WCAG 2.2, relative luminance)."""
    lights = [float(_TO_XYZ[1] @ _linear(np.array(to_rgb(color)))) for color in (one, two)]
    return (max(lights) + 0.05) / (min(lights) + 0.05)


def on_dark(color: str, least: float = 4.5) -> str:
    """The colour, so much lighter that it stands out from `DARK`; what is black becomes white."""
    hue, light, saturation = rgb_to_hls(*to_rgb(color))
    if saturation < 0.1 and light < 0.5:
        light = 1 - 0.9 * light
        light = min(light, 0.93)
    while True:
        found = str(to_hex(hls_to_rgb(hue, light, saturation))).upper()
        if contrast(found, DARK) >= least or light >= 1:
            return found
        light = min(light + 0.02, 1.0)


def _linear(srgb: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
