"""Descent on flat tensors against PyTorch's own optimizers, and its rates by hand."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: build)")

from regretta.optimizers.weight_sharing.descent import (  # noqa: E402
    Adam,
    Momentum,
    clipped,
    cosine_rate,
)


def test_rates_fall_along_half_a_cosine() -> None:
    """The paper's .025 to .001 in 50 epochs: half way they are in the middle."""
    rates = [cosine_rate(epoch, 0.025, 0.001, 50) for epoch in (0, 25, 50)]
    assert rates == pytest.approx([0.025, 0.013, 0.001])


def test_rates_of_enas_go_down_and_up_again() -> None:
    rates = [cosine_rate(epoch, 0.05, 0.0005, 10) for epoch in (0, 10, 20, 30)]
    assert rates == pytest.approx([0.05, 0.0005, 0.05, 0.0005])


def test_a_gradient_is_clipped_by_its_norm_together_with_others() -> None:
    """(3, 0) and (4): the norm is 5."""
    gradient, other = torch.tensor([3.0, 0.0]), torch.tensor([4.0])
    assert clipped(gradient, 1.0, other).tolist() == pytest.approx([0.6, 0.0], rel=1e-5)
    assert clipped(gradient, 5.1, other).tolist() == [3.0, 0.0]
    assert clipped(gradient, 3.1).tolist() == [3.0, 0.0]
    assert clipped(gradient, 0.0, other).tolist() == [3.0, 0.0]


def gradients():
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.normal(size=(8, 5)).astype(np.float32))


def test_momentum_is_pytorchs() -> None:
    ours, theirs = torch.ones(5), torch.ones(5, requires_grad=True)
    descent = Momentum(ours, 0.9, 5e-4)
    expected = torch.optim.SGD([theirs], lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    for gradient in gradients():
        descent.step(gradient, 0.1)
        theirs.grad = gradient
        expected.step()
    torch.testing.assert_close(ours, theirs.detach())


@pytest.mark.parametrize(
    ("betas", "epsilon", "decay"), [((0.5, 0.999), 1e-8, 1e-3), ((0.0, 0.999), 1e-3, 0.0)]
)
def test_adam_is_pytorchs(betas: tuple[float, float], epsilon: float, decay: float) -> None:
    ours, theirs = torch.ones(5), torch.ones(5, requires_grad=True)
    descent = Adam(ours, 0.01, betas, epsilon, decay)
    expected = torch.optim.Adam([theirs], lr=0.01, betas=betas, eps=epsilon, weight_decay=decay)
    for gradient in gradients():
        descent.step(gradient)
        theirs.grad = gradient
        expected.step()
    torch.testing.assert_close(ours, theirs.detach())
