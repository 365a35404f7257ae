"""The supernet against the benchmark's own network, and against its definition edge by edge."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: build)")
from torch.nn import functional as F  # noqa: E402

from regretta.optimizers.weight_sharing.edges import (  # noqa: E402
    CONV1X1,
    CONV3X3,
    NONE,
    POOL,
    SKIP,
)
from regretta.optimizers.weight_sharing.supernet import Supernet  # noqa: E402
from regretta.tabular_data.measure import RECIPES  # noqa: E402
from regretta.tabular_data.measure.nasbench201.module import (  # noqa: E402
    CellModule,
    CellNetwork,
    Reduction,
)
from regretta.tabular_data.measure.shapes import Shape  # noqa: E402
from regretta.tabular_data.spaces.nasbench201 import EDGES  # noqa: E402
from regretta.tabular_data.spaces.nasbench201_functions import live_cell  # noqa: E402

IMAGE, CLASSES = Shape(2, 5, 4), 3
RECIPE = dataclasses.replace(RECIPES["nasbench201"], channels=(2, 3), cells_per_stage=2)
ONE = dataclasses.replace(RECIPE, channels=(3,), cells_per_stage=1)
CELLS = ["sss333", "13p13p", "3s13ps", "n3n13p", "p1s3nn", "33ns3p", "ssssss", "nnnnnn", "nnn33n"]


def choices(text: str) -> list[int]:
    """Six operations of letters: none, skip, 1x1, 3x3, pool."""
    return ["ns13p".index(letter) for letter in text]


def make(recipe=RECIPE, batch_norm="running", seed=0) -> Supernet:
    return Supernet(IMAGE, CLASSES, recipe, batch_norm, np.random.default_rng(seed))


def some_images(count: int = 7):
    rng = np.random.default_rng(1)
    return torch.from_numpy(rng.normal(size=(count, 2, 5, 4)).astype(np.float32))


def stand_alone(net: Supernet, cell: list[int]) -> CellNetwork:
    """The network that the benchmark trains of a cell, with the supernet's weights."""
    found = CellNetwork(live_cell(np.array(cell, dtype=np.int8)), IMAGE, RECIPE, CLASSES)
    flat = net.weights.detach()
    pieces = iter(
        part.view(shape) for part, shape in zip(flat.split(net._sizes), net._shapes, strict=True)
    )

    def take(*targets) -> None:
        for target in targets:
            target.data.copy_(next(pieces))

    take(found.stem.weight, found.stem_norm.weight, found.stem_norm.bias)
    for key, module in found.body.items():
        stage, _, place = key.partition("/")
        if isinstance(module, Reduction):
            for part in (module.a, module.b):
                take(part.convolution.weight, part.norm.weight, part.norm.bias)
            take(module.shortcut.weight)
        else:
            assert isinstance(module, CellModule)
            for name, part in module.blocks.items():
                source, node = (int(end) for end in name.split(">"))
                edge = EDGES.index((node, source))
                kernel = net.kernel(int(stage), int(place), edge, cell[edge])
                part.convolution.weight.data.copy_(kernel)
            for _ in range(6):
                next(pieces)
    take(found.last.weight, found.last.bias, found.dense.weight, found.dense.bias)
    return found


@pytest.mark.parametrize("text", CELLS)
def test_a_path_is_the_network_that_the_benchmark_trains(text: str) -> None:
    net = make()
    expected = stand_alone(net, choices(text))(some_images())
    torch.testing.assert_close(net.path(some_images(), choices(text)), expected)


@pytest.mark.parametrize("text", CELLS)
def test_a_mixture_of_one_operation_an_edge_is_its_path(text: str) -> None:
    one_hot = torch.eye(5)[choices(text)]
    mixed = make().joint(some_images(), one_hot)
    torch.testing.assert_close(mixed, make().path(some_images(), choices(text)))
    torch.testing.assert_close(make().gumbel(some_images(), one_hot), mixed)


def by_definition(net: Supernet, x, weights, gated: bool):
    """A network of one stage with one cell: every operation of every edge by itself."""

    def normalised(y, *affine):
        return F.batch_norm(y, None, None, *affine, training=True)

    parts = net.weights.split(net._sizes)
    w = [part.view(shape) for part, shape in zip(parts, net._shapes, strict=True)]
    x = normalised(F.conv2d(x, w[0], padding=1), w[1], w[2])
    nodes = [x]
    for node in (1, 2, 3):
        total = torch.zeros_like(x)
        for edge, (target, source) in enumerate(EDGES):
            if target != node:
                continue
            given = nodes[source]
            results = {
                NONE: given * 0,
                SKIP: given,
                POOL: F.avg_pool2d(given, 3, 1, 1, count_include_pad=False),
            }
            for choice, padding in ((CONV1X1, 0), (CONV3X3, 1)):
                kernel = net.kernel(0, 0, edge, choice)
                results[choice] = normalised(F.conv2d(F.relu(given), kernel, padding=padding))
            sampled = int(weights[edge].argmax())
            for choice, result in results.items():
                if not gated or choice == sampled:
                    total = total + weights[edge, choice] * result
                else:
                    total = total + weights[edge, choice]
        nodes.append(total)
    y = F.relu(normalised(nodes[3], w[-4], w[-3])).mean((2, 3))
    return F.linear(y, w[-2], w[-1])


@pytest.mark.parametrize("gated", [False, True])
def test_mixture_and_gates_have_the_gradients_of_their_definition(gated: bool) -> None:
    """With gates the other four operations are numbers in the sum, so that they have a gradient."""
    net = make(ONE)
    labels = torch.arange(7) % CLASSES
    weights = torch.rand((6, 5), generator=torch.Generator().manual_seed(3))
    if gated:
        weights = torch.eye(5)[choices("3sp1n3")]
    weights.requires_grad_()
    passes = net.gumbel if gated else net.joint
    ours = F.cross_entropy(passes(some_images(), weights), labels)
    theirs = F.cross_entropy(by_definition(net, some_images(), weights, gated), labels)
    torch.testing.assert_close(ours, theirs)
    for mine, expected in zip(
        torch.autograd.grad(ours, [net.weights, weights]),
        torch.autograd.grad(theirs, [net.weights, weights]),
        strict=True,
    ):
        torch.testing.assert_close(mine, expected, rtol=1e-4, atol=1e-5)
        assert expected.abs().max() > 1e-3


def test_a_cell_of_six_skips_multiplies_by_four() -> None:
    """Nodes are x, x, x + x and x + x + 2x. The stem's output has variance one, so after two cells
    it is 256; the running estimate moves a tenth of the way from 1 to it.
    """
    net = make(dataclasses.replace(ONE, cells_per_stage=2))
    net.path(some_images(200), choices("ssssss"))
    assert net.variances[-3:].numpy() == pytest.approx(0.9 + 0.1 * 256, rel=1e-3)


def test_a_cell_of_zeros_tells_no_image_from_another() -> None:
    logits = make().path(some_images(), choices("nnnnnn")).detach()
    assert (logits == logits[0]).all()


def test_running_estimates_follow_the_batch_and_only_where_it_passed() -> None:
    """An edge's normalisation: mean and variance of its convolution, a tenth of the way."""
    net = make(ONE)
    before = net.means.clone(), net.variances.clone()
    net.path(some_images(), choices("n3nnns"))
    parts = net.weights.detach().split(net._sizes)
    stem = F.conv2d(some_images(), parts[0].view(net._shapes[0]), padding=1)
    stem = F.batch_norm(stem, None, None, training=True)
    seen = F.conv2d(F.relu(stem), net.kernel(0, 0, 1, CONV3X3), padding=1).detach()
    # Three channels of the stem, then node 0: 1x1 and 3x3 for three nodes, three channels each.
    place = slice(3 + 9 + 3, 3 + 9 + 6)
    torch.testing.assert_close(net.means[place], 0.1 * seen.mean((0, 2, 3)))
    torch.testing.assert_close(net.variances[place], 0.9 + 0.1 * seen.var((0, 2, 3)))
    changed = (net.means != before[0]) | (net.variances != before[1])
    changed[:3] = changed[place] = changed[-3:] = False
    assert not changed.any()


def test_estimates_of_several_convolutions_of_one_node_are_kept_apart() -> None:
    """Two paths, and one that takes the convolutions of both, note the same of each."""
    together, apart = make(ONE), make(ONE)
    together.path(some_images(), choices("13nnnn"))
    apart.path(some_images(), choices("1nnnnn"))
    apart.path(some_images(), choices("n3nnnn"))
    cells = slice(3, -3)
    torch.testing.assert_close(together.means[cells], apart.means[cells])
    torch.testing.assert_close(together.variances[cells], apart.variances[cells])


ROWS = [0, 1835, 5000, 15624, 7777]


def test_one_shot_accuracy_changes_nothing_and_follows_the_mode() -> None:
    labels = (torch.arange(60) % CLASSES).numpy()
    images = some_images(60).numpy()
    for mode in ("running", "batch"):
        net = make(batch_norm=mode)
        for _ in range(3):
            net.joint(some_images(), torch.full((6, 5), 0.2))
        kept = [part.clone() for part in (net.weights, net.means, net.variances)]
        first = net.accuracies(ROWS, images, labels)
        assert (net.accuracies(ROWS, images, labels) == first).all()
        assert all(map(torch.equal, kept, (net.weights, net.means, net.variances)))
        # Cells' estimates, behind the stem's two channels, are looked at in running mode only.
        cell, given = choices("3s13ps"), some_images(60)
        before = net.path(given, cell, training=False)
        net.means[2:14] += 3.0
        same = torch.equal(net.path(given, cell, training=False), before)
        assert same == (mode == "batch")


def test_all_normalisation_may_evaluate_by_the_batch() -> None:
    net = make(batch_norm="all")
    before = net.path(some_images(60), choices("3s13ps"), training=False)
    net.means += 3.0
    assert torch.equal(net.path(some_images(60), choices("3s13ps"), training=False), before)
    assert torch.equal(net.path(some_images(60), choices("3s13ps")), before)


def test_accuracies_are_means_over_whole_batches() -> None:
    """Of 60 images in batches of 25 the last ten are left out."""
    net = make()
    images, labels = some_images(60), torch.arange(60) % CLASSES
    in_batches = net.accuracies(ROWS, images, labels, batch=25)
    halves = [
        net.accuracies(ROWS, images[part], labels[part]) for part in (slice(25), slice(25, 50))
    ]
    assert in_batches == pytest.approx((halves[0] + halves[1]) / 2)
