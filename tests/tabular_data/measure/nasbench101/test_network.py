"""The network of a cell against plain PyTorch in float64, and the training around it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: build)")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from regretta.tabular_data.measure import ImageData, Recipe, load  # noqa: E402
from regretta.tabular_data.measure.nasbench101.architecture import (  # noqa: E402
    CONV1X1,
    CONV3X3,
    MAXPOOL3X3,
    convolutions,
    vertex_channels,
)
from regretta.tabular_data.measure.nasbench101.network import Network  # noqa: E402
from regretta.tabular_data.measure.parameters import Parameters  # noqa: E402
from regretta.tabular_data.measure.shapes import (  # noqa: E402
    Shape,
    count_multiply_adds,
    count_parameters,
)
from regretta.tabular_data.measure.training import train  # noqa: E402
from regretta.tabular_data.spaces import NasBench101  # noqa: E402
from regretta.tabular_data.spaces.nasbench101_graph import OPERATIONS, Cell, prune  # noqa: E402

IMAGE, RECIPE, CLASSES, BATCH = Shape(1, 8, 8), Recipe(), 10, 12
CPU = torch.device("cpu")
torch.set_num_threads(1)  # as training does


def spelled(edges: str, *operations: str) -> Cell:
    matrix = np.zeros((len(operations) + 2,) * 2, dtype=int)
    for edge in edges.split():
        matrix[int(edge[0]), int(edge[1])] = 1
    cell = prune(matrix, operations)
    assert cell is not None
    return cell


SPACE = NasBench101(5)
CELLS = [
    spelled("01"),
    spelled("01 02 12", CONV3X3),
    spelled("01 12 24 03 34 23", CONV1X1, CONV3X3, MAXPOOL3X3),
    # uneven shares (6, 5, 5), truncation, and several readers of one vertex
    spelled("01 12 13 04 25 35 45 05", CONV3X3, MAXPOOL3X3, CONV1X1, MAXPOOL3X3),
    spelled("01 12 14 23 34 13", MAXPOOL3X3, CONV3X3, CONV1X1),
    # seven vertices, five shares of 8 and of 16
    spelled("01 12 13 14 16 26 36 46 05 56", CONV1X1, CONV3X3, MAXPOOL3X3, CONV3X3, CONV1X1),
    *(
        SPACE.cell(row)
        for row in np.random.default_rng(0).choice(SPACE.n_cells, 18, replace=False).tolist()
    ),
]


class Block(nn.Module):
    """Convolution, batch normalisation, rectifier."""

    def __init__(self, kernel: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=RECIPE.norm_epsilon)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.norm(self.convolution(x)))


class PlainCell(nn.Module):
    """The paper's cell as it reads: each vertex that the input feeds has its own projection."""

    def __init__(self, cell: Cell, inputs: int, outputs: int) -> None:
        super().__init__()
        self.cell, self.channels = cell, vertex_channels(cell, inputs, outputs)
        vertices = range(1, cell.vertices)
        self.projections = nn.ModuleDict(
            {str(v): Block(1, inputs, self.channels[v]) for v in vertices if cell.matrix[0][v]}
        )
        self.operations = nn.ModuleDict()
        for v, operation in enumerate(cell.operations, start=1):
            c = self.channels[v]
            pool = nn.MaxPool2d(3, stride=1, padding=1)
            self.operations[str(v)] = (
                pool if operation == MAXPOOL3X3 else Block(3 if operation == CONV3X3 else 1, c, c)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        last = self.cell.vertices - 1
        values: dict[int, torch.Tensor] = {}
        for v in range(1, last):
            terms = [
                values[u][:, : self.channels[v]] for u in range(1, v) if self.cell.matrix[u, v]
            ]
            if self.cell.matrix[0][v]:
                terms.append(self.projections[str(v)](x))
            values[v] = self.operations[str(v)](sum(terms[1:], terms[0]))
        feeding = [values[v] for v in range(1, last) if self.cell.matrix[v, -1]]
        if not self.cell.matrix[0][last]:
            return torch.cat(feeding, 1)
        projected = self.projections[str(last)](x)
        return torch.cat(feeding, 1) + projected if feeding else projected


class PlainNetwork(nn.Module):
    """Stem, cells with 2 x 2 max-pooling between stages, global average, dense layer."""

    def __init__(self, cell: Cell, recipe: Recipe) -> None:
        super().__init__()
        self.stem = Block(3, IMAGE.channels, recipe.channels[0])
        self.cells = nn.ModuleDict()
        channels = recipe.channels[0]
        for stage, width in enumerate(recipe.channels):
            for repeat in range(recipe.cells_per_stage):
                self.cells[f"{stage}/{repeat}"] = PlainCell(cell, channels, width)
                channels = width
        self.dense = nn.Linear(channels, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for key, cell in self.cells.items():
            if key.endswith("/0") and key != "0/0":
                x = F.max_pool2d(x, 2)
            x = cell(x)
        return self.dense(x.mean((2, 3)))

    def blocks(self) -> dict[str, list[Block]]:
        """The blocks of every layer that `convolutions` names; projections share one name."""
        named = {"stem": [self.stem]}
        for key, cell in self.cells.items():
            place = key.replace("/", ".")
            named[f"{place}.project"] = list(cell.projections.values())
            named |= {
                f"{place}.{v}": [op] for v, op in cell.operations.items() if isinstance(op, Block)
            }
        return named


def both(
    cell: Cell, recipe: Recipe = RECIPE, seed: int = 0
) -> tuple[Parameters, Network, PlainNetwork]:
    """The same numbers as a network and as plain PyTorch in float64."""
    torch.manual_seed(seed)
    layers = convolutions(cell, IMAGE, recipe.channels, recipe.cells_per_stage)
    parameters = Parameters(
        layers, recipe.channels[-1], CLASSES, [np.random.default_rng(seed)], CPU
    )
    for convolution in parameters.layers.values():
        convolution.scale.uniform_(0.5, 1.5)
        convolution.shift.uniform_(-0.5, 0.5)
    parameters.dense_bias.uniform_(-0.5, 0.5)
    plain = PlainNetwork(cell, recipe).double()
    with torch.no_grad():
        for name, blocks in plain.blocks().items():
            ours, start = parameters.layers[name].of(0), 0
            for block in blocks:
                rows = slice(start, start + block.norm.num_features)
                block.convolution.weight.copy_(
                    ours.weight[rows].view(block.convolution.weight.shape)
                )
                block.norm.weight.copy_(ours.scale[rows])
                block.norm.bias.copy_(ours.shift[rows])
                start = rows.stop
        plain.dense.weight.copy_(parameters.dense_weight[0])
        plain.dense.bias.copy_(parameters.dense_bias[0, :, 0])
    return parameters, Network(cell, IMAGE, recipe, parameters, BATCH, training=True), plain


def batch(seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(BATCH, 1, 8, 8, generator=draw), torch.randint(
        CLASSES, (BATCH,), generator=draw
    )


def close(ours: torch.Tensor, reference: torch.Tensor) -> None:
    """Equal up to the rounding of float32, measured by the largest number."""
    reference = reference.detach().reshape(ours.shape)
    torch.testing.assert_close(
        ours.double(), reference, rtol=0, atol=2e-5 * float(reference.abs().max())
    )


@pytest.mark.parametrize("cell", CELLS, ids=range(len(CELLS)))
def test_logits_and_every_gradient_are_those_of_plain_pytorch(cell: Cell) -> None:
    parameters, network, plain = both(cell)
    images, labels = batch()
    network.load(images.permute(1, 2, 3, 0).unsqueeze(0))
    network.forward()
    network.backward(torch.eye(CLASSES)[None, :, labels])
    logits = plain(images.double())
    F.cross_entropy(logits, labels).backward()
    close(network.logits[0], logits.t())
    for name, blocks in plain.blocks().items():
        ours = parameters.layers[name].of(0)
        mine = torch.cat([ours.weight_grad, ours.scale_grad[:, None], ours.shift_grad[:, None]], 1)
        weights = torch.cat([block.convolution.weight.grad.flatten(1) for block in blocks])
        scales = torch.cat([block.norm.weight.grad for block in blocks])
        shifts = torch.cat([block.norm.bias.grad for block in blocks])
        close(mine, torch.cat([weights, scales[:, None], shifts[:, None]], 1))
    close(parameters.dense_weight_grad[0], plain.dense.weight.grad)
    close(parameters.dense_bias_grad[0], plain.dense.bias.grad)


def test_a_second_backward_pass_does_not_remember_the_first() -> None:
    parameters, network, _ = both(CELLS[3])
    images, labels = batch()
    seen = []
    for _ in range(2):
        network.load(images.permute(1, 2, 3, 0).unsqueeze(0))
        network.forward()
        network.backward(torch.eye(CLASSES)[None, :, labels])
        seen.append(parameters.gradients.clone())
    assert torch.equal(*seen)


@pytest.mark.parametrize("cell", CELLS[::4], ids=range(len(CELLS[::4])))
def test_stages_may_repeat_the_cell(cell: Cell) -> None:
    _, network, plain = both(cell, Recipe(cells_per_stage=2))
    images, _ = batch()
    network.load(images.permute(1, 2, 3, 0).unsqueeze(0))
    network.forward()
    close(network.logits[0], plain(images.double()).t())


@pytest.mark.parametrize("cell", CELLS[::3], ids=range(len(CELLS[::3])))
def test_evaluation_uses_the_mean_statistics_of_past_batches(cell: Cell) -> None:
    # After two batches with share m of the newest, corrected for the start at zero, the weights of
    # the two are m(1 - m) and m over their sum.
    parameters, network, plain = both(cell)
    evaluator = Network(cell, IMAGE, RECIPE, parameters, BATCH, training=False)
    m = RECIPE.norm_momentum
    norms = [block.norm for blocks in plain.blocks().values() for block in blocks]
    first, second = (batch(seed)[0] for seed in (1, 2))
    moments = []
    for images in (first, second):
        network.load(images.permute(1, 2, 3, 0).unsqueeze(0))
        network.forward()
        parameters.average_statistics(m)
        seen: dict[nn.Module, tuple[torch.Tensor, torch.Tensor]] = {}

        def note(
            norm: nn.Module, x: tuple[torch.Tensor], into: dict[nn.Module, Any] = seen
        ) -> None:
            into[norm] = (x[0].mean((0, 2, 3)), x[0].var((0, 2, 3), correction=0))

        hooks = [norm.register_forward_pre_hook(note) for norm in norms]
        with torch.no_grad():
            plain(images.double())
        for hook in hooks:
            hook.remove()
        moments.append(seen)
    total = m * (1 - m) + m
    for norm in norms:
        for k, buffer in enumerate((norm.running_mean, norm.running_var)):
            buffer.copy_((m * (1 - m) * moments[0][norm][k] + m * moments[1][norm][k]) / total)
    evaluator.load(first.permute(1, 2, 3, 0).unsqueeze(0))
    evaluator.fold(1 - (1 - m) ** 2)
    evaluator.evaluate()
    close(evaluator.logits[0], plain.eval()(first.double()).t())


@pytest.mark.parametrize(
    "recipe", [RECIPE, Recipe(cells_per_stage=2, channels=(12, 7, 20))], ids=["default", "other"]
)
@pytest.mark.parametrize("cell", CELLS, ids=range(len(CELLS)))
def test_parameters_and_multiply_adds_are_pytorchs(cell: Cell, recipe: Recipe) -> None:
    plain = PlainNetwork(cell, recipe).eval()
    layers = convolutions(cell, IMAGE, recipe.channels, recipe.cells_per_stage)
    assert count_parameters(layers, recipe.channels[-1], CLASSES) == sum(
        p.numel() for p in plain.parameters()
    )
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        plain(torch.zeros(1, 1, 8, 8))
    assert (
        2 * count_multiply_adds(layers, recipe.channels[-1], CLASSES) == counter.get_total_flops()
    )


def test_gradient_descent_is_pytorchs_with_nesterov_momentum() -> None:
    parameters = both(CELLS[2])[0]
    theirs = nn.Parameter(parameters.values.clone())
    sgd = torch.optim.SGD([theirs], lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=True)
    draw = torch.Generator().manual_seed(0)
    for step in range(5):
        gradient = torch.randn(theirs.shape, generator=draw)
        parameters.gradients.copy_(gradient)
        parameters.descend(0.1 / (step + 1), 0.9, 1e-4)
        sgd.param_groups[0]["lr"] = 0.1 / (step + 1)
        theirs.grad = gradient
        sgd.step()
    torch.testing.assert_close(parameters.values, theirs.detach())


def test_weights_start_with_the_variance_of_their_fan_in() -> None:
    layers = convolutions(spelled("01 12", CONV3X3), Shape(3, 8, 8), (64, 128))
    parameters = Parameters(layers, 128, CLASSES, [np.random.default_rng(0)], CPU)
    for convolution in parameters.layers.values():
        expected = (2 / convolution.layer.fan_in) ** 0.5
        assert float(convolution.weight.std()) == pytest.approx(expected, rel=0.1)
        assert (convolution.scale == 1).all()
        assert (convolution.shift == 0).all()
    assert float(parameters.dense_weight.std()) == pytest.approx(128**-0.5, rel=0.1)


# -- training ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits() -> ImageData:
    return load("digits")


def test_a_short_training_is_that_of_plain_pytorch(digits: ImageData) -> None:
    # Everything together: initial weights, order of images, cosine, descent, running statistics,
    # evaluation. 10 steps in float64 and in float32 part by rounding only, which can turn single
    # images.
    cell, seed, epochs = spelled("01 12 02 13 23", CONV3X3, CONV1X1), 7, 1
    result = train(cell, digits, RECIPE, epochs, [seed])[0]
    rng = np.random.default_rng(seed)
    layers = convolutions(cell, IMAGE, RECIPE.channels)
    parameters = Parameters(layers, RECIPE.channels[-1], CLASSES, [rng], CPU)
    plain = PlainNetwork(cell, RECIPE).double()
    with torch.no_grad():
        for name, blocks in plain.blocks().items():
            weights = (
                parameters.layers[name].of(0).weight.split([b.norm.num_features for b in blocks])
            )
            for block, weight in zip(blocks, weights, strict=True):
                block.convolution.weight.copy_(weight.view(block.convolution.weight.shape))
                block.norm.momentum = None  # set below, step by step
        plain.dense.weight.copy_(parameters.dense_weight[0])
        plain.dense.bias.zero_()
    order = rng.permutation(500)
    sgd = torch.optim.SGD(
        plain.parameters(),
        lr=RECIPE.learning_rate,
        momentum=RECIPE.momentum,
        weight_decay=RECIPE.weight_decay,
        nesterov=True,
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, 10 * epochs)
    norms = [module for module in plain.modules() if isinstance(module, nn.BatchNorm2d)]
    for step, rows in enumerate(np.split(order, 10)):
        # a running mean without bias from its start moves by m over what the weights add up to so
        # far
        for norm in norms:
            norm.momentum = RECIPE.norm_momentum / (1 - (1 - RECIPE.norm_momentum) ** (step + 1))
        sgd.zero_grad()
        logits = plain(torch.tensor(digits.train[rows], dtype=torch.float64))
        F.cross_entropy(logits, torch.tensor(digits.train_labels[rows])).backward()
        sgd.step()
        schedule.step()
    plain.eval()
    with torch.no_grad():
        answers = plain(torch.tensor(digits.validation, dtype=torch.float64)).argmax(1).numpy()
    assert result.validation_accuracy == pytest.approx(
        (answers == digits.validation_labels).mean(), abs=3 / 648
    )


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(digits: ImageData) -> None:
    first, again, other = (
        train(CELLS[2], digits, RECIPE, 3, [seed], curves=True)[0] for seed in (1, 1, 2)
    )
    assert first.curves == again.curves
    assert first.curves != other.curves


def test_curves_change_nothing_and_end_in_the_final_accuracies(digits: ImageData) -> None:
    without, with_curves = (
        train(CELLS[2], digits, RECIPE, 3, [1], curves=curves)[0] for curves in (False, True)
    )
    final = (without.train_accuracy, without.validation_accuracy, without.test_accuracy)
    assert with_curves.curves is not None
    assert [len(curve) for curve in with_curves.curves] == [3, 3, 3]
    assert tuple(curve[-1] for curve in with_curves.curves) == final
    assert without.curves is None


def test_a_budget_is_a_run_of_its_own_not_the_start_of_a_longer_one(digits: ImageData) -> None:
    short, long = (
        train(CELLS[2], digits, RECIPE, epochs, [1], curves=True)[0].curves for epochs in (2, 4)
    )
    assert short is not None
    assert long is not None
    assert short[1] != long[1][:2]


def test_the_number_of_images_evaluated_at_once_changes_no_accuracy(digits: ImageData) -> None:
    few, many = (train(CELLS[3], digits, Recipe(evaluation_batch=n), 2, [1])[0] for n in (97, 1797))
    assert (few.validation_accuracy, few.test_accuracy) == (
        many.validation_accuracy,
        many.test_accuracy,
    )


def test_every_operation_trains(digits: ImageData) -> None:
    for operation in OPERATIONS:
        result = train(spelled("01 12", operation), digits, RECIPE, 9, [0])[0]
        assert result.test_accuracy > 0.4  # chance is 0.1
        assert 0 < result.seconds < 60
