"""BOHB's inner loops, compiled: drawing samples, and products of kernel values."""

from __future__ import annotations

from typing import Any

from numba import njit, uint32

_BLOCK = 512  # observations whose products stay in the fastest memory


def _compiled(function: Any) -> Any:
    """Compiled when first called and kept on disk where that can be written."""
    try:
        return njit(cache=True, error_model="numpy", nogil=True)(function)
    except RuntimeError:
        return njit(error_model="numpy", nogil=True)(function)


@_compiled
def multiply(product: Any, codes: Any, values: Any, agree: Any, differ: Any) -> None:
    """Multiply by the kernel values of categorical parameters, one after another.

    Parameters
    ----------
    product
        Shape ``[points, n]``.
    codes, values
        Choices of the observations, shape ``[dim, n]``, and of the points, shape ``[points, dim]``.
    agree, differ
        Kernel of each parameter where the choices agree and where not, shape ``[dim]``.
    """
    dim, n = codes.shape
    for p in range(len(values)):
        for start in range(0, n, _BLOCK):
            stop = min(n, start + _BLOCK)
            for c in range(dim):
                value, same, other = values[p, c], agree[c], differ[c]
                for j in range(start, stop):
                    product[p, j] *= same if codes[c, j] == value else other


@_compiled
def uniform(words: Any, at: int) -> Any:
    """What ``RandomState.rand`` makes of the next two words of its Mersenne Twister."""
    high, low = words[at] >> uint32(5), words[at + 1] >> uint32(6)
    return (high * 67108864.0 + low) / 9007199254740992.0


@_compiled
def below(words: Any, at: int, n: int) -> Any:
    """What ``RandomState.randint(n)`` makes of the next words, and where the next one is."""
    if n == 1:
        return 0, at
    mask = uint32(n - 1)
    for shift in (1, 2, 4, 8, 16):
        mask |= mask >> uint32(shift)
    while True:
        drawn = words[at] & mask
        at += 1
        if drawn < n:
            return drawn, at


@_compiled
def draw(words: Any, at: int, data: Any, widths: Any, sizes: Any, out: Any, centres: Any) -> int:
    """Samples near observations.

    Parameters
    ----------
    words, at
        The generator's words, and where the next one is. Too few end in −1.
    data
        Good observations, shape ``[n, dim]``.
    widths, sizes
        Bandwidth and choices (0: a number) of each parameter, shape ``[dim]``.
    out
        The samples, shape ``[k, dim]``; for a number, the uniform variate that a truncated normal
        one is made of.
    centres
        Which observation each one is near, shape ``[k]``.

    Returns
    -------
    Where the next word is.
    """
    spare = 200 + 2 * len(sizes)
    for k in range(len(out)):
        if at + spare > len(words):
            return -1
        centres[k], at = below(words, at, len(data))
        for i in range(len(sizes)):
            if at + 200 > len(words):
                return -1
            variate = uniform(words, at)
            at += 2
            if sizes[i] == 0:
                out[k, i] = variate
            elif variate < 1 - widths[i]:
                out[k, i] = data[centres[k], i]
            else:
                drawn, at = below(words, at, sizes[i])
                out[k, i] = drawn
    return at
