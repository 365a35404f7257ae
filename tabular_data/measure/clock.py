"""Seconds of a training or of an evaluation, as a measured table has them."""

from __future__ import annotations

import time


class Clock:
    """Adds up the CPU seconds of this thread, or on a GPU the seconds passed.

    Parameters
    ----------
    on_gpu
        Whether what is timed runs on a GPU, which is waited for.
    """

    def __init__(self, on_gpu: bool) -> None:
        self._on_gpu = on_gpu
        self._since = 0.0
        self.seconds = 0.0

    def _now(self) -> float:
        if not self._on_gpu:
            return time.thread_time()
        import torch

        torch.cuda.synchronize()
        return time.perf_counter()

    def __enter__(self) -> None:
        self._since = self._now()

    def __exit__(self, *error: object) -> None:
        self.seconds += self._now() - self._since
