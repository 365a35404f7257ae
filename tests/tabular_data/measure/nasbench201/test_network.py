"""NAS-Bench-201's networks side by side against plain PyTorch, and the training around them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: build)")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from regretta.tabular_data.measure import RECIPES, ImageData, load, training  # noqa: E402
from regretta.tabular_data.measure.architecture import network_layers  # noqa: E402
from regretta.tabular_data.measure.nasbench201.module import CellNetwork  # noqa: E402
from regretta.tabular_data.measure.nasbench201.network import Network  # noqa: E402
from regretta.tabular_data.measure.parameters import Parameters  # noqa: E402
from regretta.tabular_data.measure.shapes import (  # noqa: E402
    Shape,
    count_multiply_adds,
    count_parameters,
)
from regretta.tabular_data.spaces import NasBench201  # noqa: E402
from regretta.tabular_data.spaces.nasbench201_functions import (  # noqa: E402
    LiveCell,
    functions,
    live_cell,
)

CPU, CLASSES, BATCH, NETWORKS = torch.device("cpu"), 10, 8, 2
RECIPE = dataclasses.replace(RECIPES["nasbench201"], cells_per_stage=1)
SPACE = NasBench201()


def cell(text: str) -> LiveCell:
    """The live cell of six letters, edge by edge: none, skip, 1x1, 3x3 or pool as ``ns13p``."""
    return live_cell(np.array(["ns13p".index(letter) for letter in text], dtype=np.int8))


CELLS = [
    cell("nnnnnn"),
    cell("ssssss"),
    cell("333333"),
    cell("111111"),
    cell("pppppp"),
    cell("3s13ps"),
    cell("n3n13p"),
    cell("p1s3nn"),
    *(
        functions().cells[number]
        for number in np.random.default_rng(0).choice(5260, 3, replace=False).tolist()
    ),
]


@pytest.fixture(autouse=True)
def exact() -> Iterator[None]:
    """Everything in float64, where nothing but the order of sums differs."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def both(
    live: LiveCell, image: Shape, images: int = BATCH
) -> tuple[Parameters, Network, list[CellNetwork]]:
    """The same numbers as networks side by side and as plain PyTorch."""
    layers = network_layers(live, image, RECIPE)
    rngs = [np.random.default_rng(seed) for seed in range(NETWORKS)]
    parameters = Parameters(layers, RECIPE.channels[-1], CLASSES, rngs, CPU)
    torch.manual_seed(1)
    for layer in parameters.layers.values():
        layer.scale.uniform_(0.5, 1.5)
        layer.shift.uniform_(-0.5, 0.5)
    parameters.dense_bias.uniform_(-0.5, 0.5)
    network = Network(live, image, RECIPE, parameters, images, training=True)
    plain = [CellNetwork(live, image, RECIPE, CLASSES).take(parameters, k) for k in range(NETWORKS)]
    return parameters, network, plain


def batch(image: Shape, seed: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    size = (NETWORKS, image.channels, image.height, image.width, BATCH)
    labels = torch.randint(CLASSES, (NETWORKS, BATCH), generator=draw)
    return torch.randn(size, generator=draw), labels


def close(ours: torch.Tensor, reference: torch.Tensor) -> None:
    reference = reference.detach().reshape(ours.shape)
    scale = float(reference.abs().max()) + 1e-3
    torch.testing.assert_close(ours, reference, rtol=0, atol=1e-9 * scale)


@pytest.mark.parametrize(
    ("live", "image"),
    [*((live, Shape(1, 8, 8)) for live in CELLS), *((live, Shape(3, 7, 5)) for live in CELLS[5:7])],
    ids=str,
)
def test_logits_and_every_gradient_are_those_of_plain_pytorch(live: LiveCell, image: Shape) -> None:
    parameters, network, plain = both(live, image)
    images, labels = batch(image)
    one_hot = F.one_hot(labels, CLASSES).double().transpose(1, 2)
    with torch.no_grad():
        for _ in range(2):  # the second pass must not remember the first
            network.load(images)
            network.forward()
            network.backward(one_hot)
    for k, reference in enumerate(plain):
        logits = reference(images[k].permute(3, 0, 1, 2))
        F.cross_entropy(logits, labels[k]).backward()
        close(network.logits[k], logits.t())
        for theirs, _, (_, gradient, rows) in reference.pairs(parameters, k):
            given = torch.zeros_like(theirs) if theirs.grad is None else theirs.grad
            close(gradient[rows], given)


@pytest.mark.parametrize("live", CELLS[::3], ids=str)
def test_evaluation_uses_the_running_statistics(live: LiveCell) -> None:
    image = Shape(1, 8, 8)
    parameters, _, plain = both(live, image)
    torch.manual_seed(3)
    parameters.running.uniform_(0.5, 2.0)
    evaluator = Network(live, image, RECIPE, parameters, BATCH, training=False)
    images, _ = batch(image)
    share = 0.7
    with torch.no_grad():
        evaluator.load(images)
        evaluator.fold(share)
        evaluator.evaluate()
    for k, reference in enumerate(plain):
        for name, norm, rows in reference.norms():
            views = parameters.layers[name].of(k)
            norm.running_mean.copy_(views.running_mean[rows] / share)
            # ours holds the variance and epsilon together
            norm.running_var.copy_(views.running_spread[rows] / share - RECIPE.norm_epsilon)
        close(evaluator.logits[k], reference.eval()(images[k].permute(3, 0, 1, 2)).t())


@pytest.mark.parametrize("live", CELLS, ids=str)
def test_parameters_and_multiply_adds_are_pytorchs(live: LiveCell) -> None:
    image = Shape(1, 8, 8)
    layers = network_layers(live, image, RECIPE)
    plain = CellNetwork(live, image, RECIPE, CLASSES).eval()
    assert count_parameters(layers, 16, CLASSES) == sum(p.numel() for p in plain.parameters())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        plain(torch.zeros(1, 1, 8, 8))
    assert 2 * count_multiply_adds(layers, 16, CLASSES) == counter.get_total_flops()


def test_the_published_network_has_the_published_number_of_parameters() -> None:
    # NAS-Bench-201 on CIFAR-10: 16/32/64 channels, five cells a stage. The cell of six 3x3
    # convolutions has 1.531546 MB and the one of six skips 0.073306 MB in the published tables.
    recipe = dataclasses.replace(RECIPES["nasbench201"], channels=(16, 32, 64), cells_per_stage=5)
    for live, published in ((cell("333333"), 1_531_546), (cell("ssssss"), 73_306)):
        assert count_parameters(network_layers(live, Shape(3, 32, 32), recipe), 64, 10) == published


@pytest.fixture(scope="module")
def data() -> ImageData:
    return load("moved-digits")


def test_a_short_training_is_that_of_plain_pytorch(data: ImageData) -> None:
    # initial weights, order of images, cosine, descent, running statistics, evaluation together
    live, epochs = cell("3s13ps"), 2
    results = training.train(live, data, RECIPE, epochs, [7, 8])
    for seed, result in zip((7, 8), results, strict=True):
        rng = np.random.default_rng(seed)
        layers = network_layers(live, data.image, RECIPE)
        parameters = Parameters(layers, RECIPE.channels[-1], CLASSES, [rng], CPU)
        plain = CellNetwork(live, data.image, RECIPE, CLASSES).take(parameters, 0)
        sgd = torch.optim.SGD(
            plain.parameters(),
            lr=RECIPE.learning_rate,
            momentum=RECIPE.momentum,
            weight_decay=RECIPE.weight_decay,
            nesterov=True,
        )
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, 10 * epochs)
        norms = [module for module in plain.modules() if isinstance(module, nn.BatchNorm2d)]
        step = 0
        for _ in range(epochs):
            for rows in np.split(rng.permutation(500), 10):
                step += 1
                for norm in norms:
                    weight = RECIPE.norm_momentum / (1 - (1 - RECIPE.norm_momentum) ** step)
                    norm.momentum = weight
                sgd.zero_grad()
                logits = plain(torch.tensor(data.train[rows], dtype=torch.float64))
                F.cross_entropy(logits, torch.tensor(data.train_labels[rows])).backward()
                sgd.step()
                schedule.step()
        plain.eval()
        # ours averages variances of the batch's own size, PyTorch those of one image less
        with torch.no_grad():
            answers = plain(torch.tensor(data.validation, dtype=torch.float64)).argmax(1).numpy()
        share = (answers == data.validation_labels).mean()
        assert result.validation_accuracy == pytest.approx(share, abs=4 / 648)


def test_a_training_is_the_same_alone_and_beside_others(data: ImageData) -> None:
    live = cell("31sp13")
    alone = training.train(live, data, RECIPE, 2, [5], curves=True)[0]
    beside = training.train(live, data, RECIPE, 2, [4, 5, 6], curves=True)[1]
    assert alone.curves is not None
    assert beside.curves is not None
    np.testing.assert_allclose(alone.curves, beside.curves, atol=1 / 500)


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(data: ImageData) -> None:
    torch.set_default_dtype(torch.float32)
    first, again, other = (
        training.train(CELLS[5], data, RECIPE, 2, seeds, curves=True)
        for seeds in ([1, 2], [1, 2], [3, 4])
    )
    assert [run.curves for run in first] == [run.curves for run in again]
    assert first[0].curves != first[1].curves
    assert first[0].curves != other[0].curves


def test_a_cell_that_gives_zero_guesses(data: ImageData) -> None:
    torch.set_default_dtype(torch.float32)
    result = training.train(cell("nnnnnn"), data, RECIPE, 2, [0])[0]
    assert result.test_accuracy == pytest.approx(0.1, abs=0.03)


def test_latency_is_measured() -> None:
    torch.set_default_dtype(torch.float32)
    data = load("digits")
    quick, slow = (training.latency(live, data, RECIPE) for live in (CELLS[1], CELLS[2]))
    assert 0 < quick < slow < 1
