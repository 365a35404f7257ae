"""The machine a benchmark ran on, in one line."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path


def machine(*packages: str) -> str:
    """Processor, cores, load, Python and the versions of some packages."""
    model = "unknown processor"
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.partition(":")[2].strip()
            for line in info.read_text().splitlines()
            if line.startswith("model name")
        ]
        model = names[0] if names else model
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    load = f"load {os.getloadavg()[0]:.1f} before, {yardstick():.2f} s for 5 million additions"
    return (
        f"{model}, {os.cpu_count()} cores, {load}; Python {platform.python_version()}, {versions}"
    )


def yardstick() -> float:
    """CPU seconds of a plain loop, best of three: a rented processor is not always equally fast."""

    def loop() -> float:
        start, total = time.process_time(), 0
        for number in range(5_000_000):
            total += number
        return time.process_time() - start

    return min(loop() for _ in range(3))
