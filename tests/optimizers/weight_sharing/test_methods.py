"""The six searches, a step of each by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: build)")

from regretta.optimizers.base import SettingsError  # noqa: E402
from regretta.optimizers.registry import get_optimizer  # noqa: E402
from regretta.optimizers.weight_sharing.controller import Controller  # noqa: E402
from regretta.optimizers.weight_sharing.enas import baseline_after  # noqa: E402
from regretta.optimizers.weight_sharing.gdas import straight_through  # noqa: E402
from regretta.optimizers.weight_sharing.setn import most_probable  # noqa: E402
from tests.optimizers.weight_sharing.conftest import Make  # noqa: E402

SIX = ("rsps", "darts_v1", "darts_v2", "gdas", "setn", "enas")

# -- gradients of the architecture -----------------------------------------------------------------


def test_a_straight_through_gradient() -> None:
    """Softmax of (0, ln 3) is (1/4, 3/4). With f = 2 g₀ + 5 g₁ and the mean ¼·2 + ¾·5 = 4.25, the
    gradient is ¼·(2 − 4.25) and ¾·(5 − 4.25).
    """
    logits = torch.tensor([[0.0, math.log(3.0)]], requires_grad=True)
    gates = straight_through(logits)
    assert gates.tolist() == [[0.0, 1.0]]
    (gradient,) = torch.autograd.grad((gates * torch.tensor([[2.0, 5.0]])).sum(), logits)
    assert gradient.tolist()[0] == pytest.approx([-0.5625, 0.5625])


def test_gdas_cools_down_from_ten_to_a_tenth(make: Make) -> None:
    gdas = make("gdas", epochs=100)
    temperatures = [gdas.temperature(epoch) for epoch in (0, 33, 66, 99)]
    assert temperatures == pytest.approx([10.0, 6.7, 3.4, 0.1])


def test_gdas_samples_an_edge_as_often_as_its_parameters_say(make: Make) -> None:
    """Gumbel noise on log probabilities draws with those probabilities, at any temperature."""
    gdas = make("gdas")
    with torch.no_grad():
        gdas.alphas.values.copy_(torch.log(torch.tensor([0.1, 0.2, 0.3, 0.15, 0.25])).expand(6, 5))
        counts = sum(gdas.gates(2.0) for _ in range(1500)).sum(0) / 9000
    assert counts.tolist() == pytest.approx([0.1, 0.2, 0.3, 0.15, 0.25], abs=0.02)


def test_gdas_gives_unsampled_operations_a_gradient(make: Make) -> None:
    gdas = make("gdas", seed=3)
    loss = gdas.sampled_loss(gdas.validation_batch(20), 5.0)
    (gradient,) = torch.autograd.grad(loss, gdas.alphas.values)
    assert (gradient != 0).all()


def test_the_finite_difference_of_darts_is_its_second_order(make: Make) -> None:
    """On a small network in double precision, against the gradient through the step itself.

    The difference is taken over a small distance: over the 0.01 of the search rectifiers switch.
    """
    darts = make("darts_v2")
    net = darts.supernet
    for name in ("means", "variances"):
        setattr(net, name, getattr(net, name).double())
    net.weights = net.weights.detach().double().requires_grad_()
    darts.descent.velocity = 0.01 * torch.ones_like(net.weights)
    darts.alphas.values = (100 * darts.alphas.values.detach().double()).requires_grad_()
    (images, labels), (others, answers) = next(darts.batches()), darts.validation_batch(25)
    training, validation = (images.double(), labels), (others.double(), answers)
    rate = 0.2
    found = darts.unrolled_gradient(training, validation, rate, step=1e-6)
    (gradient,) = torch.autograd.grad(darts.joint_loss(training), net.weights, create_graph=True)
    ahead = net.weights - rate * (0.9 * darts.descent.velocity + gradient + 5e-4 * net.weights)
    loss = darts.joint_loss(validation, ahead)
    (expected,) = torch.autograd.grad(loss, darts.alphas.values, retain_graph=True)
    (direct,) = torch.autograd.grad(
        darts.joint_loss(validation, ahead.detach()), darts.alphas.values
    )
    second = expected - direct
    assert second.norm() > 0.05 * direct.norm()
    assert (found - expected).norm() < 1e-3 * second.norm()


@pytest.mark.parametrize("name", ["darts_v1", "darts_v2", "gdas", "setn"])
def test_the_first_step_of_the_architecture_is_the_learning_rate(make: Make, name: str) -> None:
    """Adam's first step is the rate in the gradient's direction; 6 over 3 epochs of 3 steps."""
    search = make(name)
    before = search.alphas.values.detach().clone()
    search.step(next(search.batches()), search.validation_batch(25), 0)
    step = (search.alphas.values.detach() - before).abs()
    assert step.numpy() == pytest.approx(6 / 9, rel=0.05)


# -- sampling and choosing -------------------------------------------------------------------------


def test_the_most_probable_cells_of_setn() -> None:
    """All edges but two prefer operation 1 for certain; edge 5 has operation 1 at .5, 3 at .3, 4 at
    .2, edge 2 has 1 at .6 and 0 at .4. So .30, .20 (edge 2), .18 (edge 5), .12 (both or 4: equal).
    """
    with np.errstate(divide="ignore"):
        logs = np.log(np.tile([0.0, 1.0, 0.0, 0.0, 0.0], (6, 1)))
        logs[5] = np.log([0.0, 0.5, 0.0, 0.3, 0.2])
        logs[2] = np.log([0.4, 0.6, 0.0, 0.0, 0.0])
    rows = most_probable(logs, 4)
    cells = np.stack(np.unravel_index(rows, (5,) * 6), axis=1).tolist()
    assert cells[:3] == [[1] * 6, [1, 1, 0, 1, 1, 1], [1, 1, 1, 1, 1, 3]]
    assert cells[3] in ([1, 1, 0, 1, 1, 3], [1, 1, 1, 1, 1, 4])


def test_candidates_are_evaluated_on_one_batch_each_in_turn(make: Make) -> None:
    """78 validation images make three batches of 26; of 25 the last three images stay out."""
    rsps = make("rsps", choice_batch=26)
    images, labels = rsps._validation
    rows = rsps.random_cells(5)
    cell, accuracy = rsps.best_of(rows, 26)
    alone = []
    for k, row in enumerate(rows):
        part = slice(26 * (k % 3), 26 * (k % 3 + 1))
        alone += rsps.supernet.accuracies([row], images[part], labels[part]).tolist()
    assert (cell, accuracy) == (rows[int(np.argmax(alone))], max(alone))
    assert rsps.turn == 5


def test_random_search_draws_every_operation_alike(make: Make) -> None:
    rows = make("rsps").random_cells(20_000)
    cells = np.stack(np.unravel_index(rows, (5,) * 6), axis=1)
    shares = [np.bincount(column, minlength=5) / len(rows) for column in cells.T]
    assert np.array(shares) == pytest.approx(0.2, abs=0.02)


def test_enas_compares_with_the_baseline_of_the_last_epoch() -> None:
    """b = .5 and a reward of .7: .5 − .01 (.5 − .7) = .502; without b, the accuracy itself."""
    assert baseline_after(0.5, 0.6, 0.7) == pytest.approx(0.502)
    assert baseline_after(None, 0.6, 0.7) == 0.6


def test_the_baseline_of_enas_stays_while_an_epoch_lasts(make: Make, monkeypatch) -> None:
    """Accuracies .2 and .6 twice. In the first epoch only entropy teaches: 1e-4 of 6 ln 5. Then
    b = .6: the first cell's advantage is .99 (.2 − .6), were it not for the entropy.
    """
    enas = make("enas", updates=1, samples=2)
    seen = []
    monkeypatch.setattr(enas.controller, "learn", lambda sample, given, clip: seen.append(given))
    answers = iter([0.2, 0.6, 0.2, 0.6])
    monkeypatch.setattr(enas, "one_shot", lambda cell, size: next(answers))
    enas._teach()
    assert enas.baseline == 0.6
    enas._teach()
    nats = 1e-4 * 6 * math.log(5)
    assert seen[0] == pytest.approx([nats, nats], rel=1e-3)
    assert seen[1] == pytest.approx([0.99 * (nats - 0.4), 0.99 * nats], rel=1e-3)
    assert enas.baseline == pytest.approx(0.6 + 0.01 * nats)


def controller(scale: float = 1.0) -> Controller:
    made = Controller(np.random.default_rng(0), 0.05, torch.device("cpu"))
    with torch.no_grad():
        made.weights.mul_(scale)
    return made


def test_the_controller_writes_a_cell_as_often_as_it_says() -> None:
    """Minus the mean log probability of its cells is its entropy; at first nearly 6 ln 5."""
    sharp = controller(20.0).sample(4000, np.random.default_rng(1))
    assert -sharp.log_probability.mean().item() == pytest.approx(sharp.entropy.mean(), rel=0.02)
    assert sharp.entropy.mean() < 0.9 * 6 * math.log(5)
    fresh = controller().sample(3, np.random.default_rng(1))
    assert fresh.entropy == pytest.approx(6 * math.log(5), rel=1e-3)


def test_the_controller_learns_what_pays() -> None:
    """Cells are worth their share of operation 3."""
    made, rng = controller(), np.random.default_rng(2)
    for _ in range(150):
        sample = made.sample(20, rng)
        rewards = (sample.cells == 3).mean(axis=1)
        made.learn(sample, rewards - rewards.mean(), 5.0)
    assert (made.sample(500, rng).cells == 3).mean() > 0.6


def test_an_image_left_over_alone_is_no_batch(make: Make) -> None:
    """60 training images in batches of 59, of which the last stage's pixels would be one number."""
    for name in SIX:
        search = make(name, epochs=1, batch=59, recipe="channels=2,2,2 cells_per_stage=1")
        assert (search.steps, [len(labels) for _, labels in search.batches()]) == (1, [59])
        assert make(name, batch=58).steps == 2


@pytest.mark.parametrize("name", ["darts_v1", "gdas"])
def test_parameters_that_are_no_numbers_any_more_are_a_divergence(
    make: Make, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last step may spoil them, which no loss shows any more."""
    search = make(name, epochs=1, batch=60)
    monkeypatch.setattr(
        search.alphas, "step", lambda gradient: search.alphas.values.data.fill_(math.nan)
    )
    with pytest.raises(SettingsError, match="the supernet diverged in epoch 1: its entropy is nan"):
        list(search.epochs())


# -- epochs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SIX)
def test_every_search_begins_with_its_untrained_choice_and_learns(make: Make, name: str) -> None:
    values = {} if name.startswith(("darts", "gdas")) else {"choices": 5}
    search = make(name, epochs=8, learning_rate=0.1, **values)
    epochs = list(search.epochs())
    assert [epoch.number for epoch in epochs] == list(range(9))
    assert epochs[0].seconds == 0 < min(epoch.seconds for epoch in epochs[1:])
    losses = [epoch.numbers["train_loss"] for epoch in epochs[1:]]
    assert losses[-1] < losses[0]
    assert all(0 <= epoch.cell < 15_625 for epoch in epochs)


@pytest.mark.parametrize("name", ["darts_v1", "darts_v2", "gdas"])
def test_none_may_win_and_is_not_repaired(make: Make, name: str) -> None:
    search = make(name)
    with torch.no_grad():
        search.alphas.values[:, 0] = 9.0
    assert search.choose(last=True) == (0, None)


@pytest.mark.parametrize("name", ["darts_v1", "darts_v2", "gdas"])
def test_normalisation_in_evaluation_is_nothing_to_those_that_never_evaluate(
    make: Make, name: str
) -> None:
    running, batch = (make(name, batch_norm=mode) for mode in ("running", "batch"))
    pairs = list(zip(running.epochs(), batch.epochs(), strict=True))
    assert [one.cell for one, _ in pairs] == [other.cell for _, other in pairs]
    assert torch.equal(running.alphas.values, batch.alphas.values)


@pytest.mark.parametrize("name", ["rsps", "setn", "enas"])
def test_and_something_to_those_that_do(make: Make, name: str) -> None:
    running, batch = (make(name, batch_norm=mode, choices=10) for mode in ("running", "batch"))
    pairs = zip(running.epochs(), batch.epochs(), strict=True)
    differ = [
        one.numbers.get("one_shot_accuracy") != other.numbers.get("one_shot_accuracy")
        for one, other in pairs
    ]
    assert any(differ)


def test_presets_are_the_papers_values() -> None:
    """50 epochs of 64 for DARTS, 250 for the others, ENAS in batches of 128 with 1,000 samples."""
    paper = {name: get_optimizer(name).make_settings("paper") for name in SIX}
    assert [paper[name].epochs for name in SIX] == [250, 50, 50, 250, 250, 250]
    assert [paper[name].batch for name in SIX] == [64] * 5 + [128]
    assert [paper[name].clip for name in SIX] == [5, 5, 5, 5, 0, 5]
    assert [paper[name].learning_rate for name in SIX] == [0.025] * 5 + [0.05]
    assert {paper[name].alpha_learning_rate for name in SIX[1:5]} == {3e-4}
    assert [paper[name].choice_batch for name in ("rsps", "setn", "enas")] == [512, 512, 128]
    assert paper["enas"].updates * paper["enas"].samples == 1000
    assert paper["rsps"].the_recipe().channels == (16, 32, 64)
    assert paper["rsps"].the_recipe().cells_per_stage == 5


def test_halves_are_all_images_once(make: Make) -> None:
    """The paper's 25,000 and 25,000 of CIFAR-10; here 108 and 108."""
    search = make("rsps", parts="halves", lookup="any")
    (train, labels), (validation, answers) = search._train, search._validation
    assert (len(train), len(validation)) == (108, 108)
    whole = make("rsps").settings.the_data()
    kept = np.concatenate([whole.train, whole.validation, whole.test])
    ours = {image.tobytes() for image in torch.cat([train, validation]).numpy()}
    assert ours == {image.tobytes() for image in kept}
    assert sorted(torch.cat([labels, answers]).tolist()) == sorted(72 * [0, 1, 2])
    assert torch.equal(make("setn", seed=5, parts="halves", lookup="any")._train[0], train)


def test_shifted_and_mirrored_images_keep_their_pixels(make: Make) -> None:
    """An image of one bright pixel: it is there still, or was shifted out."""
    rsps = make("rsps", augment=True)
    images = torch.zeros(200, 1, 9, 9)
    images[:, 0, 4, 4] = 1.0
    rsps._train = images, torch.arange(200)
    moved, labels = rsps._taken(*rsps._train, np.arange(200))
    assert moved.shape == images.shape
    assert set(moved.sum((1, 2, 3)).tolist()) == {1.0}
    places = moved.flatten(1).argmax(1)
    assert {int(p) // 9 for p in places} == {int(p) % 9 for p in places} == set(range(9))
    assert labels.tolist() == list(range(200))
