"""PyTorch on one thread, for sums that have one order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep PyTorch to one thread meanwhile, so that sums have one order.

    Nothing else has to be asked for: on the CPU no operation of a supernet adds in another order.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
