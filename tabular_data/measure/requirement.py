"""PyTorch is an extra: whether it is there, and one line where it is not."""

from __future__ import annotations

import importlib.metadata
import importlib.util

from regretta.tabular_data.measure.errors import MeasureError


def require_torch() -> str:
    """Return the version of PyTorch.

    Raises
    ------
    MeasureError
        PyTorch is not installed.
    """
    if importlib.util.find_spec("torch") is None:
        raise MeasureError(
            "measuring a table needs PyTorch, which is missing: pip install '.[build]'"
        )
    return importlib.metadata.version("torch")


def choose_device(wanted: str | None) -> str:
    """Return ``wanted``, or a GPU if there is one, or else ``cpu``.

    Raises
    ------
    MeasureError
        The device that is wanted is not there.
    """
    require_torch()
    import torch

    gpu = torch.cuda.is_available()
    if wanted is None:
        return "cuda" if gpu else "cpu"
    if wanted != "cpu" and not (gpu and wanted.split(":")[0] == "cuda"):
        raise MeasureError(
            f"device {wanted!r} is not there; there is {'cpu, cuda' if gpu else 'only cpu'}"
        )
    return wanted
