"""Trained weights beside a table: kept as plain arrays, and loaded back as a network.

A table that was built with ``save_weights`` has a folder ``weights`` with one ``.npz`` file for
each cell that was trained, arrays ``[repeats, ...]`` of the largest budget, and ``weights.json``,
which says what network they are of.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.documents import DocumentError, read_bytes, read_json
from regretta.tabular_data.measure.architecture import AnyCell, network_layers
from regretta.tabular_data.measure.checkpoint import WEIGHTS, CheckpointFolder
from regretta.tabular_data.measure.errors import MeasureError
from regretta.tabular_data.measure.plan import Plan
from regretta.tabular_data.measure.recipe import Recipe
from regretta.tabular_data.measure.requirement import require_torch
from regretta.tabular_data.measure.shapes import Shape
from regretta.tabular_data.names import check_name
from regretta.tabular_data.scratch import clear_leftovers
from regretta.tabular_data.spaces import NasBench101
from regretta.tabular_data.spaces.nasbench201_functions import LiveCell, functions
from regretta.tabular_data.storage import atomic_folder
from regretta.tabular_data.table import Table

if TYPE_CHECKING:
    from regretta.tabular_data.measure.nasbench201.module import CellNetwork

_DESCRIPTION = "weights.json"


def publish_weights(plan: Plan, building: CheckpointFolder, folder: Path) -> None:
    """Copy a build's weights into the folder of its table, all at once.

    Raises
    ------
    MeasureError
        The folder cannot be written.
    """
    description = {
        "data": plan.data.name,
        "data_sha256": plan.data.checksum,
        "image": asdict(plan.data.image),
        "n_classes": plan.data.n_classes,
        "recipe": asdict(plan.recipe),
    }
    try:
        with atomic_folder(folder / WEIGHTS) as scratch:
            for number in range(len(plan.cells)):
                shutil.copyfile(building.weights_of(number), scratch / f"{number:05d}.npz")
            (scratch / _DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n")
    except OSError as error:
        raise MeasureError(
            f"{folder / WEIGHTS}: cannot be written ({error.strerror or error})"
        ) from None


@dataclass(frozen=True)
class TrainedNetwork:
    """A cell's network with its trained weights.

    Attributes
    ----------
    cell
    recipe
    image
        Shape of an input image.
    n_classes
    data, data_sha256
        Name and checksum of the data set that it was trained on.
    arrays
        See `regretta.tabular_data.measure.parameters.Parameters.arrays`.
    """

    cell: AnyCell
    recipe: Recipe
    image: Shape
    n_classes: int
    data: str
    data_sha256: str
    arrays: dict[str, NDArray[np.float32]]

    def predict(self, images: NDArray[np.float32]) -> NDArray[np.int64]:
        """The most likely class of each image.

        Parameters
        ----------
        images
            ``[n, channels, height, width]``, standardised as `load` does it.

        Returns
        -------
        ndarray
            ``[n]``, from 0 to ``n_classes - 1``.

        Raises
        ------
        MeasureError
            The images have another shape, or PyTorch is missing.
        """
        require_torch()
        import torch

        from regretta.tabular_data.measure.training import images_last, make_network

        wanted = (self.image.channels, self.image.height, self.image.width)
        if images.ndim != 4 or images.shape[1:] != wanted:
            raise MeasureError(
                f"images must be [n, {', '.join(map(str, wanted))}], not {list(images.shape)}"
            )
        place = torch.device("cpu")
        with torch.inference_mode():
            network = make_network(
                self.cell, self.image, self.recipe, self._parameters(), len(images), training=False
            )
            network.load(images_last(images, place).unsqueeze(0))
            network.fold(1.0)
            network.evaluate()
            answers: NDArray[np.int64] = network.logits[0].argmax(0).numpy()
        return answers

    def module(self) -> CellNetwork:
        """The network as a `torch.nn.Module` in evaluation mode; of NAS-Bench-201's cells only.

        Raises
        ------
        MeasureError
            The cell is of another space, or PyTorch is missing.
        """
        require_torch()
        from regretta.tabular_data.measure.nasbench201.module import CellNetwork

        if not isinstance(self.cell, LiveCell):
            raise MeasureError("only cells of NAS-Bench-201 have a module; use predict")
        network = CellNetwork(self.cell, self.image, self.recipe, self.n_classes)
        network.take(self._parameters(), 0).eval()
        return network

    def _parameters(self) -> Any:
        import torch

        from regretta.tabular_data.measure.parameters import Parameters

        layers = network_layers(self.cell, self.image, self.recipe)
        rng = np.random.default_rng(0)
        parameters = Parameters(
            layers, self.recipe.channels[-1], self.n_classes, [rng], torch.device("cpu")
        )
        parameters.take(self.arrays)
        return parameters


def load_network(table: Table, folder: Path, row: int, repeat: int = 0) -> TrainedNetwork:
    """Load the network that a table's row was measured with at its largest budget.

    Parameters
    ----------
    table
    folder
        Of the table.
    row
        A row of the table. Rows of NAS-Bench-201 that are one function have one network.
    repeat
        From 0 on.

    Raises
    ------
    MeasureError
        The table was built without weights, has no such row or repeat, or the file is damaged.
    """
    if not 0 <= row < table.n_cells:
        raise MeasureError(f"{table.name} has rows from 0 to {table.n_cells - 1}, not {row}")
    if not 0 <= repeat < table.repeats:
        raise MeasureError(f"{table.name} has repeats from 0 to {table.repeats - 1}, not {repeat}")
    clear_leftovers(folder, WEIGHTS)
    try:
        described = read_json(read_bytes(folder / WEIGHTS / _DESCRIPTION))
    except FileNotFoundError:
        raise MeasureError(
            f"{table.name} has no weights; `regretta table build --save-weights` keeps them"
        ) from None
    except (OSError, DocumentError) as error:
        said = error.strerror or error if isinstance(error, OSError) else error
        raise MeasureError(f"{folder / WEIGHTS / _DESCRIPTION} cannot be read: {said}") from None
    cell: AnyCell
    if isinstance(table.space, NasBench101):
        number, cell = row, table.space.cell(row)
    else:
        number = int(functions().of_row[row])
        cell = functions().cells[number]
    file = folder / WEIGHTS / f"{number:05d}.npz"
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key][repeat] for key in archive.files}
        recipe = described["recipe"]
        return TrainedNetwork(
            cell,
            Recipe(**{**recipe, "channels": tuple(recipe["channels"])}),
            Shape(**described["image"]),
            described["n_classes"],
            check_name(described["data"], "a data set's name", MeasureError),
            described["data_sha256"],
            arrays,
        )
    except OSError as error:
        raise MeasureError(f"{file}: cannot be read: {error.strerror or error}") from None
    except MemoryError:
        raise MeasureError(f"{file}: its arrays need more memory than there is") from None
    except Exception as error:  # NumPy and zipfile fail on odd files in nearly any way
        said = " ".join(str(error).split()) or type(error).__name__
        raise MeasureError(
            f"{file}: damaged weights ({said:.100}); build the table again"
        ) from None
