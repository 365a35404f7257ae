"""Which processor measures: what the same seed gives depends on it."""

from __future__ import annotations

import platform
from pathlib import Path


def processor_name() -> str:
    """The processor as the system names it."""
    return _cpuinfo().get("model name") or platform.processor() or platform.machine()


def processor_kind(device: str = "cpu") -> str:
    """Everything about the processor that the last bits of a training depend on.

    Virtual machines give many processors the same name, so that family, model and the vector
    instructions that PyTorch chose are named too; on a GPU, the GPU comes first.
    """
    import torch

    info = _cpuinfo()
    details = [
        f"{key.removeprefix('cpu ')} {info[key]}" for key in ("cpu family", "model") if key in info
    ]
    kind = f"{processor_name()} ({', '.join([*details, torch.backends.cpu.get_cpu_capability()])})"
    return kind if device == "cpu" else f"{torch.cuda.get_device_name(device)}, {kind}"


def _cpuinfo() -> dict[str, str]:
    """What Linux tells of its first processor; empty on other systems."""
    try:
        first = Path("/proc/cpuinfo").read_text().split("\n\n", 1)[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}
