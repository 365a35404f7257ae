"""What the six searches share: an epoch an ask, the clock, the log, and going on after a kill."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from regretta.optimizers.base import Optimizer, Proposal, SettingsError
from regretta.optimizers.weight_sharing.augmentation import moved
from regretta.optimizers.weight_sharing.checkpoint import (
    Epoch,
    read_checkpoint,
    write_checkpoint,
)
from regretta.optimizers.weight_sharing.settings import BATCH_NORMS, Common, require_torch
from regretta.optimizers.weight_sharing.threads import one_thread
from regretta.tabular_data.benchmark import Benchmark
from regretta.tabular_data.spaces import Configuration, NasBench201, Space
from regretta.tabular_data.spaces.nasbench201 import EDGES, OPERATIONS
from regretta.tabular_data.table import Table

if TYPE_CHECKING:
    from torch import Tensor


class WeightSharing(Optimizer):
    """A search that trains a supernet and evaluates no cell.

    Each `ask` is an epoch, and charges the seconds that it took; `recommend` is the cell derived
    from it. The first one comes before any training and charges nothing: it is the untrained
    choice. After the last epoch the search is done.

    A search logs its epoch, the row of the derived ``cell``, the ``seconds`` of training and
    ``choice_seconds`` of choosing among cells, the shares ``skip_edges`` and ``none_edges`` of its
    six edges, the mean ``entropy`` of an edge's operations under its architecture parameters or
    controller (nats), ``train_loss``, and the ``one_shot_accuracy`` on the validation images on
    which it was chosen; of these, what there is.

    Attributes
    ----------
    supernet
        See `regretta.optimizers.weight_sharing.supernet.Supernet`.
    descent
        The descent of its weights.
    steps
        Steps of an epoch.
    turn
        Validation batches that were evaluated in turn so far.
    epoch
        The epoch that was asked for last; -1 before the first ask.
    history
        What came of every epoch so far.
    """

    Settings = Common
    finite: ClassVar[bool] = True
    keeps_checkpoints: ClassVar[bool] = True
    augments_choices: ClassVar[bool] = False

    def setup(self) -> None:
        from regretta.optimizers.weight_sharing.descent import Momentum
        from regretta.optimizers.weight_sharing.supernet import Supernet

        _require_space(self.name, self.space)
        settings: Common = self.settings
        data = settings.the_data()
        recipe = settings.the_recipe()
        with one_thread():
            self.supernet = Supernet(
                data.image, data.n_classes, recipe, settings.batch_norm, self.rng, settings.device
            )
            self._train = self._on_device(data.train, data.train_labels)
            self._validation = self._on_device(data.validation, data.validation_labels)
            # One image alone has no variance, so it is left out where it would be a batch.
            self._used = len(data.train) - (len(data.train) % settings.batch == 1)
            self.steps = -(-self._used // settings.batch)
            self.descent = Momentum(self.supernet.weights, settings.momentum, settings.weight_decay)
            self.begin()
        self.turn = 0
        self.epoch = -1
        self.history: list[Epoch] = []
        self._past: list[Epoch] = []
        self._note(data.name)
        folder = self.problem.folder
        kept = read_checkpoint(folder, self.rng) if folder is not None else None
        if kept is not None:
            self._past, state = kept
            self._restore(state)

    def _on_device(self, images: NDArray[Any], labels: NDArray[Any]) -> tuple[Tensor, Tensor]:
        return self.supernet.tensor(images), self.supernet.tensor(labels)

    def _note(self, data: str) -> None:
        from regretta.tabular_data.measure.processor import processor_kind

        settings = self.settings
        self.notes.append(
            f"{self.name} trained a supernet on {data}, {settings.epochs} epochs, normalisation by"
            f" {BATCH_NORMS[settings.batch_norm]}: its seconds were measured on"
            f" {processor_kind(settings.device)}, its cells follow from the seed"
        )
        if settings.lookup == "any":
            self.notes.append(
                f"{self.name} looked its cells up whatever recipe and data the table has; its"
                f" supernet learnt {data} ({settings.recipe or 'the recipe of digits201'})"
            )

    # -- the search ------------------------------------------------------------------------------

    def ask(self) -> Proposal | None:
        if self.epoch == self.settings.epochs:
            return None
        self.epoch += 1
        if self.epoch < len(self._past):
            done = self._past[self.epoch]
            self.history.append(done)
        else:
            with one_thread():
                done = self._do()
            self.history.append(done)
            if self.problem.folder is not None:
                write_checkpoint(self.problem.folder, self.history, self.rng, self._state())
        self.log(
            epoch=done.number,
            cell=done.cell,
            seconds=done.seconds,
            choice_seconds=done.choice_seconds,
            **done.numbers,
        )
        seconds = done.seconds
        if self.settings.charge == "all" or self.epoch == self.settings.epochs:
            seconds += done.choice_seconds
        empty = np.empty((0, self.space.dim), dtype=self.space.dtype)
        return Proposal(empty, seconds=seconds if done.number else 0.0)

    def recommend(self) -> Configuration | None:
        return configuration(self.history[-1].cell) if self.history else None

    def epochs(self) -> Iterator[Epoch]:
        """Search, and give each epoch when it is done, from 0.

        The supernet is then as the epoch left it, and may be evaluated.
        """
        while self.ask() is not None:
            yield self.history[-1]

    def _do(self) -> Epoch:
        """Train an epoch, and choose a cell."""
        from regretta.tabular_data.measure.clock import Clock

        settings: Common = self.settings
        on_gpu = self.supernet.device.type != "cpu"
        training, choosing = Clock(on_gpu), Clock(on_gpu)
        numbers: dict[str, float] = {}
        if not self.epoch:
            cell, accuracy = self.untrained(), None
        else:
            with training:
                loss = self.train_epoch(self.epoch - 1)
            self._require_finite(loss)
            numbers["train_loss"] = loss
            with choosing:
                cell, accuracy = self.choose(last=self.epoch == settings.epochs)
        choices = configuration(cell)
        for name, operation in (("skip_edges", "skip_connect"), ("none_edges", "none")):
            numbers[name] = float(np.mean(choices == OPERATIONS.index(operation)))
        entropy = self.entropy()
        if entropy is not None:
            numbers["entropy"] = entropy
        if accuracy is not None:
            numbers["one_shot_accuracy"] = accuracy
        return Epoch(self.epoch, cell, training.seconds, choosing.seconds, numbers)

    def _require_finite(self, loss: float) -> None:
        numbers = {
            "loss": loss,
            "largest weight": float(self.supernet.weights.detach().abs().max()),
            "entropy": self.entropy() or 0.0,
        }
        for name, number in numbers.items():
            if not np.isfinite(number):
                raise SettingsError(
                    f"the supernet diverged in epoch {self.epoch}: its {name} is {number}; set a"
                    f" lower learning_rate than {self.settings.learning_rate:g}"
                )

    # -- what a method does ----------------------------------------------------------------------

    def begin(self) -> None:
        """Make whatever is trained besides; called once, when supernet and images are there."""

    @abstractmethod
    def untrained(self) -> int:
        """Row of the cell that it would return before any training."""

    @abstractmethod
    def train_epoch(self, epoch: int) -> float:
        """Train one epoch, counted from 0; returns the mean loss on the training images."""

    @abstractmethod
    def choose(self, last: bool) -> tuple[int, float | None]:
        """Row of the cell derived now, and the accuracy by which it was chosen, if it was."""

    def entropy(self) -> float | None:
        """Mean entropy of an edge's operations, nats; None without architecture parameters."""
        return None

    def state(self) -> dict[str, NDArray[Any]]:
        """What the method itself needs to go on."""
        return {}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what `state` gave."""

    # -- what methods need -----------------------------------------------------------------------

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The training images once, in random order."""
        images, labels = self._train
        order = self.rng.permutation(len(labels))[: self._used]
        for start in range(0, len(order), self.settings.batch):
            rows = order[start : start + self.settings.batch]
            yield self._taken(images, labels, rows)

    def validation_batch(self, size: int) -> tuple[Tensor, Tensor]:
        """Random validation images, each drawn anew."""
        images, labels = self._validation
        return self._taken(images, labels, self.rng.integers(len(labels), size=size))

    def rate(self, epoch: int) -> float:
        """Learning rate of the weights in an epoch, from 0."""
        from regretta.optimizers.weight_sharing.descent import cosine_rate

        settings: Common = self.settings
        period = settings.rate_period or settings.epochs
        return cosine_rate(epoch, settings.learning_rate, settings.final_learning_rate, period)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy."""
        from torch.nn import functional as F

        return F.cross_entropy(logits, labels)

    def descend(self, loss: Tensor, epoch: int, *counted: Tensor) -> Tensor:
        """Take one step of the weights, and return the loss.

        Parameters
        ----------
        loss
            Of training images.
        epoch
            From 0.
        counted
            What else the loss depends on; its gradients count in the norm that is clipped.
        """
        import torch

        from regretta.optimizers.weight_sharing.descent import clipped

        gradient, *others = torch.autograd.grad(loss, [self.supernet.weights, *counted])
        self.descent.step(clipped(gradient, self.settings.clip, *others), self.rate(epoch))
        return loss.detach()

    def train_path(self, cells: NDArray[np.int64], epoch: int) -> float:
        """Train one epoch, in every step one cell; returns the mean loss.

        Parameters
        ----------
        cells
            Rows, ``[steps]``.
        epoch
            From 0.
        """
        losses = [
            self.descend(self.loss(self.supernet.path(images, configuration(cell)), labels), epoch)
            for cell, (images, labels) in zip(cells.tolist(), self.batches(), strict=True)
        ]
        return mean(losses)

    def one_shot(self, cell: int, size: int) -> float:
        """One-shot accuracy of a cell on the next batch of the validation images.

        Batches come in turn, over and over, and have one size: what remains is left out.
        """
        images, labels = self._validation
        size = min(size, len(labels))
        start = self.turn % (len(labels) // size) * size
        self.turn += 1
        part = slice(start, start + size)
        some = images[part]
        if self.settings.augment and self.augments_choices:
            some = moved(some, self.rng)
        return self.supernet.accuracy(configuration(cell), some, labels[part])

    def best_of(self, cells: NDArray[np.int64], size: int) -> tuple[int, float]:
        """The cell with the highest one-shot accuracy, the first of equals, and that accuracy.

        Each is evaluated on one batch, another each time.
        """
        found = [self.one_shot(cell, size) for cell in cells.tolist()]
        best = int(np.argmax(found))
        return int(cells[best]), found[best]

    def random_cells(self, count: int) -> NDArray[np.int64]:
        """Rows drawn uniformly, ``[count]``."""
        return self.rng.integers(len(OPERATIONS) ** len(EDGES), size=count)

    def _taken(
        self, images: Tensor, labels: Tensor, rows: NDArray[np.int64]
    ) -> tuple[Tensor, Tensor]:
        import torch

        index = torch.from_numpy(rows).to(images.device)
        taken = images[index]
        if self.settings.augment:
            taken = moved(taken, self.rng)
        return taken, labels[index]

    # -- checkpoints -----------------------------------------------------------------------------

    def _state(self) -> dict[str, NDArray[Any]]:
        net = self.supernet
        kept = {
            "weights": net.weights.detach(),
            "means": net.means,
            "variances": net.variances,
            "velocity": self.descent.velocity,
        }
        arrays = {name: part.cpu().numpy() for name, part in kept.items()}
        return {**arrays, "turn": np.array(self.turn), **self.state()}

    def _restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        import torch

        net = self.supernet
        with torch.no_grad():
            net.weights.copy_(torch.from_numpy(state["weights"]))
            net.means.copy_(torch.from_numpy(state["means"]))
            net.variances.copy_(torch.from_numpy(state["variances"]))
            self.descent.velocity.copy_(torch.from_numpy(state["velocity"]))
            self.turn = int(state["turn"])
            self.restore(state)

    @classmethod
    def check_benchmark(cls, benchmark: Benchmark, settings: Any) -> None:
        """Refuse what the supernet has nothing to do with, or cannot be trained here.

        Raises
        ------
        SettingsError, MeasureError
            If the space is another; there is no PyTorch, or not the device; the data cannot be
            used; or the table was measured by another recipe or on other data.
        """
        _require_space(cls.name, benchmark.space)
        require_torch(cls.name)
        from regretta.tabular_data.measure import require_recipe
        from regretta.tabular_data.measure.nasbench201.architecture import stage_shapes
        from regretta.tabular_data.measure.requirement import choose_device

        choose_device(settings.device)
        data, recipe = settings.the_data(), settings.the_recipe()
        stage_shapes(data.image, recipe.channels)
        if settings.lookup == "any":
            return
        if not isinstance(benchmark, Table):
            raise SettingsError("it is no table, so it has no recipe; set lookup = 'any'")
        require_recipe(benchmark, recipe, data)


def configuration(row: int) -> Configuration:
    """The six operations of a row."""
    sizes = (len(OPERATIONS),) * len(EDGES)
    return np.array(np.unravel_index(row, sizes), dtype=np.int8)


def mean(losses: list[Tensor]) -> float:
    """Mean of some losses."""
    import torch

    return float(torch.stack(losses).mean())


def row_of(choices: Any) -> int:
    """The row of six operations."""
    sizes = (len(OPERATIONS),) * len(EDGES)
    return int(np.ravel_multi_index(tuple(int(choice) for choice in choices), sizes))


def _require_space(name: str, space: Space) -> None:
    if not isinstance(space, NasBench201):
        raise SettingsError(f"{name} searches the space nasbench201 only, not {space.name}")
