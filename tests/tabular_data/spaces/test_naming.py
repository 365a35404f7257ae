"""From an architecture as people write it to its row, and back to its published name."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regretta.tabular_data.spaces import GridSpace, NasBench101, NasBench201, Space, SpaceError
from regretta.tabular_data.spaces.naming import row_of_name

NB201 = NasBench201()
NB101 = NasBench101(7)
SMALL = NasBench101(4)
GRID = GridSpace({"x": ["a", "b"], "y": ["c", "d", "e"]})

FIRST = (
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+"
    "|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
)
"""NAS-Bench-201's architecture 0 (AutoDL-Projects, ``generate_meta_info``)."""

FIRST_ROW = 13_931  # 4·5⁵ + 2·5⁴ + 1·5³ + 2·5² + 1·5 + 1

CHAIN = ([[0, 1, 0], [0, 0, 1], [0, 0, 0]], ["maxpool3x3"])
"""Input, pooling, output."""


# -- NAS-Bench-201 -----------------------------------------------------------------------------


def shown(value: object) -> str:
    """A test's name, the same in every process."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (0, FIRST),
        (9, "|avg_pool_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"),
        (
            123,
            "|avg_pool_3x3~0|+|avg_pool_3x3~0|nor_conv_1x1~1|+"
            "|none~0|avg_pool_3x3~1|nor_conv_3x3~2|",
        ),
    ],
)
def test_official_indices_are_those_that_upstream_asserts(index: int, text: str) -> None:
    """AutoDL-Projects, ``exps/NAS-Bench-201/main.py``."""
    row = NB201.row_of(text)
    assert NB201.describe(row) == text
    assert NB201.official_name(row) == index
    assert NB201.row_of(f"index {index}") == NB201.row_of({"index": index}) == row


def test_official_indices_are_those_of_the_published_list(shared_tables: Path) -> None:
    lines = (shared_tables / "nb201" / "arch_strings.txt").read_text().split()
    assert [NB201.row_of(line) for line in lines] == [
        NB201.row_of({"index": index}) for index in range(15_625)
    ]
    indices = NB201.official_indices(np.arange(15_625))
    assert [lines[index] for index in indices[:500]] == [NB201.describe(r) for r in range(500)]


@pytest.mark.parametrize(
    "architecture",
    [
        FIRST,
        f"  {FIRST}\n",
        FIRST.strip("|"),
        FIRST.replace("|", " | "),
        FIRST.replace("|+|", "+"),
        f"row {FIRST_ROW}",
        f"row={FIRST_ROW}",
        "Index: 0",
        "index 0",
        '{"index": 0}',
        # str2lists and str2matrix of NAS-Bench-201's API
        [
            [("avg_pool_3x3", 0)],
            [("nor_conv_1x1", 0), ("skip_connect", 1)],
            [("nor_conv_1x1", 0), ("skip_connect", 1), ("skip_connect", 2)],
        ],
        [[0, 0, 0, 0], [4, 0, 0, 0], [2, 1, 0, 0], [2, 1, 1, 0]],
        np.array([[0, 0, 0, 0], [4, 0, 0, 0], [2, 1, 0, 0], [2, 1, 1, 0]]),
        "[[0, 0, 0, 0], [4, 0, 0, 0], [2, 1, 0, 0], [2, 1, 1, 0]]",
        SimpleNamespace(tostr=lambda: FIRST),
        NB201.to_values([4, 2, 1, 2, 1, 1]),
        # AutoDL-Projects' and HPOBench's configuration
        {
            "1<-0": "avg_pool_3x3",
            "2<-0": "nor_conv_1x1",
            "2<-1": "skip_connect",
            "3<-0": "nor_conv_1x1",
            "3<-1": "skip_connect",
            "3<-2": "skip_connect",
        },
        # NASLib counts skip, none, 3x3, 1x1, pooling and edges 1-2, 1-3, 1-4, 2-3, 2-4, 3-4
        {"naslib": (4, 3, 3, 0, 0, 0)},
        "naslib 4,3,3,0,0,0",
        "naslib [4, 3, 3, 0, 0, 0]",
        "configuration 4,2,1,2,1,1",
    ],
    ids=shown,
)
def test_one_architecture_of_nasbench201_in_every_form(architecture: object) -> None:
    assert NB201.row_of(architecture) == FIRST_ROW


def test_a_configuration_of_configspace_is_an_architecture() -> None:
    from ConfigSpace import Configuration

    space = NB201.configuration_space()
    chosen = Configuration(space, values=NB201.to_values([4, 2, 1, 2, 1, 1]))
    assert NB201.row_of(chosen) == NB201.row_of(dict(chosen)) == FIRST_ROW


@pytest.mark.parametrize(
    "architecture",
    [
        "|nor_conv_3x3~0|+|nor_conv_3x3~1|+|skip_connect~0|skip_connect~2|",
        # ResNet_CODE of AutoDL-Projects
        [
            (("nor_conv_3x3", 0),),
            (("nor_conv_3x3", 1),),
            (("skip_connect", 0), ("skip_connect", 2)),
        ],
    ],
    ids=shown,
)
def test_inputs_that_are_left_out_are_told_and_not_filled_in(architecture: object) -> None:
    """Upstream's API does not know such a string either."""
    whole = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|"
    with pytest.raises(SpaceError) as refused:
        NB201.row_of(architecture)
    assert f"such as {whole}" in str(refused.value)


def test_the_matrix_of_upstreams_own_example() -> None:
    """``api.str2matrix``: entry [node, input] counts the operation."""
    text = "|nor_conv_1x1~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|"
    matrix = [[0, 0, 0, 0], [2, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]]
    assert NB201.row_of(matrix) == NB201.row_of(text)
    with pytest.raises(SpaceError, match="transposed"):
        NB201.row_of(np.transpose(matrix))


@given(st.integers(0, 15_624))
def test_rows_of_nasbench201_come_back_from_their_names(row: int) -> None:
    for name in (
        NB201.describe(row),
        f"index {NB201.official_name(row)}",
        json.dumps(NB201.to_values(NB201.configurations([row])[0])),
    ):
        assert NB201.row_of(name) == row


@pytest.mark.parametrize("number", [5, "5", np.int64(5), " 5 "])
def test_a_bare_number_is_refused_where_rows_and_indices_differ(number: object) -> None:
    with pytest.raises(SpaceError, match="say row=5 or index=5"):
        NB201.row_of(number)
    assert NB201.row_of("row 5") != NB201.row_of("index 5")


@pytest.mark.parametrize(
    ("architecture", "said"),
    [
        ("|nor_conv_3x4~0|+|none~0|none~1|+|none~0|none~1|none~2|", "did you mean 'nor_conv_3x3'"),
        ("|none~0|+|none~0|none~1|", "such as [|]none~0"),
        ("|none~0|+|none~1|none~0|+|none~0|none~1|none~2|", "such as [|]none~0"),
        ("0" * 31 + "f", "module hash of NAS-Bench-101"),
        ("16:32:64:64:8", "size space"),
        ("index 15625", "0 to 15624, and none is 15625"),
        ("index -1", "0 to 15624"),
        ("index one", "0 to 15624"),
        ("row 15625", "rows 0 to 15624"),
        ("hash 00", "have no hash: name one by row, configuration, index, naslib"),
        ([4, 2, 1, 2, 1, 1], "naslib=.*configuration="),
        (np.array([4, 2, 1, 2, 1, 1], dtype=np.int8), "naslib=.*configuration="),
        ("naslib 4,3,3,0,0", "six numbers from 0 to 4"),
        ("naslib 5,3,3,0,0,0", "six numbers from 0 to 4"),
        ("naslib 1", "six numbers from 0 to 4"),
        ({"1<-0": "none"}, "lacks parameter 'node_2_input_0'"),
        ({"1<-0": "none", "zzz": 1}, "no parameter 'zzz'"),
        (NB201.to_values([0] * 6) | {"1<-0": "skip_connect"}, "no parameter '1<-0'"),
        (CHAIN, "no architecture of nasbench201"),
        ([[0, 1], [0, 0]], "no architecture of nasbench201"),
        ([[("none", 0)], [("none", 0), ("none", 2)], [("none", k) for k in range(3)]], "such as"),
        ([[5 if (i, j) == (1, 0) else 0 for j in range(4)] for i in range(4)], "cannot be 5"),
        ("", "no architecture"),
        ("{", "neither JSON nor"),
        ("[" * 5_000, "neither JSON nor"),
        ("|" * 30_000, "30000 characters"),
        (None, "no architecture"),
        (True, "no architecture"),
        (3.5, "no architecture"),
        (b"|none~0|", "no architecture"),
        (object(), "no architecture"),
    ],
    ids=lambda value: f"{shown(value):.40}",
)
def test_what_is_no_architecture_of_nasbench201_is_one_line(architecture: Any, said: str) -> None:
    with pytest.raises(SpaceError, match=said) as refused:
        NB201.row_of(architecture)
    assert "\n" not in str(refused.value)


# -- NAS-Bench-101 -----------------------------------------------------------------------------


def test_the_first_published_hash_is_row_0() -> None:
    """What upstream's ``hash_iterator`` gives first."""
    first = "00005c142e6f48ac74fdcf73e3439874"
    assert NB101.official_name(0) == first
    assert NB101.row_of(first) == NB101.row_of(first.upper()) == NB101.row_of(f"hash {first}") == 0


def test_published_hashes_and_rows_go_both_ways(shared_tables: Path) -> None:
    official = np.load(shared_tables / "nb101" / "hash16.npy")
    for row in np.random.default_rng(1).integers(0, len(official), 50).tolist():
        text = official[row].tobytes().hex()
        assert NB101.row_of(text) == row
        assert NB101.official_name(row) == text


@pytest.mark.parametrize(
    "architecture",
    [
        CHAIN,
        list(CHAIN),
        (np.array(CHAIN[0]), ["input", "maxpool3x3", "output"]),
        (np.array(CHAIN[0], dtype=float), ("maxpool3x3",)),
        (np.array(CHAIN[0], dtype=bool), np.array(["maxpool3x3"])),
        {"matrix": CHAIN[0], "ops": ["input", "maxpool3x3", "output"]},
        {"matrix": CHAIN[0], "operations": ["maxpool3x3"]},
        {"module_adjacency": np.array(CHAIN[0]), "module_operations": ["maxpool3x3"]},
        json.dumps({"matrix": CHAIN[0], "ops": CHAIN[1]}),
        json.dumps(CHAIN),
        str({"matrix": CHAIN[0], "ops": ["input", "maxpool3x3", "output"]}),
        "010/001/000 maxpool3x3",
        SimpleNamespace(matrix=np.array(CHAIN[0]), ops=["input", "maxpool3x3", "output"]),
        # A vertex off every path is pruned, as by upstream's ModelSpec.
        ([[0, 1, 1, 0], [0, 0, 0, 1], [0] * 4, [0] * 4], ["maxpool3x3", "conv1x1-bn-relu"]),
        # NASLib: the matrix, then input 0, output 1, pooling 2, 1x1 3, 3x3 4
        "naslib 0,1,0, 0,0,1, 0,0,0, 0,2,1",
        {"naslib": [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 2, 1]},
    ],
    ids=lambda value: f"{value!s:.60}",
)
@pytest.mark.parametrize("space", [SMALL, NB101], ids=shown)
def test_one_cell_of_nasbench101_in_every_form(space: NasBench101, architecture: object) -> None:
    row = space.row_of(architecture)
    assert space.describe(row) == "010/001/000 maxpool3x3"
    assert space.words(row) == "1 = maxpool3x3(input); output = 1"


@pytest.mark.parametrize("asked", ["A", "B", "C"])
@pytest.mark.parametrize("given", ["A", "B", "C"])
def test_a_mapping_of_any_encoding_is_told_by_its_parameters(given: str, asked: str) -> None:
    """Of 7 vertices A has 21 edges, B nine and C 21 with their number."""
    written = NasBench101(7, given)
    values = written.to_values(written.configurations([4_242])[0])
    assert NasBench101(7, asked).row_of(values) == 4_242


def test_published_cells_are_found_by_matrix_and_operations(shared_tables: Path) -> None:
    core = dict(np.load(shared_tables / "nb101" / "core.npz"))
    names = np.array(["conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"])
    edges = np.triu_indices(7, 1)
    for row in np.random.default_rng(2).integers(0, 423_624, 2_000).tolist():
        matrix = np.zeros((7, 7), dtype=np.int8)
        matrix[edges] = int(core["adj_bits"][row]) >> np.arange(21) & 1
        n = int(core["n_vertices"][row])
        operations = names[core["ops"][row][: n - 2]].tolist()
        assert NB101.row_of((matrix[:n, :n], operations)) == row
        assert NB101.row_of([matrix[:n, :n].tolist(), ["input", *operations, "output"]]) == row


def test_a_pruned_model_spec_is_read_by_what_it_was_made_of() -> None:
    """Upstream's ModelSpec keeps the matrix that was given beside the pruned one."""
    spec = SimpleNamespace(
        matrix=None, ops=None, original_matrix=np.array(CHAIN[0]), original_ops=CHAIN[1]
    )
    assert SMALL.row_of(spec) == SMALL.row_of(CHAIN)


@pytest.mark.parametrize("encoding", ["A", "B", "C"])
@pytest.mark.parametrize("vertices", [2, 3, 4, 5])
def test_every_row_comes_back_from_its_configuration_and_text(vertices: int, encoding: str) -> None:
    space = NasBench101(vertices, encoding)
    rows = np.arange(space.n_cells)
    assert (space.rows(space.configurations(rows)) == rows).all()
    for row in rows[:: max(1, len(rows) // 90)].tolist():
        assert space.row_of(space.describe(row)) == row
        assert space.row_of(space.to_values(space.configurations([row])[0])) == row
        cell = space.cell(row)
        assert space.row_of((cell.matrix, cell.operations)) == row
        assert space.row_of((cell.matrix.tolist(), list(cell.operations))) == row


@pytest.mark.parametrize(
    ("architecture", "said"),
    [
        ("00005c142e6f48ac74fdcf73e3439874", "has 7 vertices, and this space has cells of up to 4"),
        ("f" * 32, "no cell of NAS-Bench-101 has the module hash"),
        ("f" * 31, "32 hexadecimal digits"),
        ("hash 12", "32 hexadecimal digits"),
        (FIRST, "architecture string of NAS-Bench-201"),
        ("index 5", "have no index: name one by row, configuration, hash, naslib"),
        (91, "rows 0 to 90"),
        (([[0, 0], [1, 0]], []), "this one's transpose is"),
        (([[0, 1, 0], [0, 0, 1], [0, 0, 0]], ["maxpool"]), "did you mean 'maxpool3x3'"),
        (([[0, 1, 0], [0, 0, 1], [0, 0, 0]], []), "3 vertices has 1 operations"),
        (([[0, 1, 0], 3, [0, 0, 0]], ["maxpool3x3"]), "upper triangular"),
        (([3, 3, 3], ["maxpool3x3"]), "upper triangular"),
        (([[0, 0, 0], [0, 0, 1], [0, 0, 0]], ["maxpool3x3"]), "no path"),
        ({"matrix": CHAIN[0]}, "no parameter 'matrix'"),
        ({"edge_0": "1"}, "lacks parameter 'edge_1'"),
        ("naslib 0,1,0,0,0,1,0,0,0,0,5,1", "NASLib's tuple"),
        ("naslib 0,1,0", "NASLib's tuple"),
        ("naslib", "no architecture"),
        ([0, 1, 0, 0, 1, 1], "naslib=.*configuration="),
        ((1, 2, 3), "naslib=.*configuration="),
        (("a", "b"), "upper triangular"),
        (([], []), "upper triangular"),
        ((CHAIN[0], [np.zeros(2), 1, "output"]), "unknown operation"),
        ((np.array(5), ["maxpool3x3"]), "upper triangular"),
        ((CHAIN[0], np.array("maxpool3x3")), "operations are a list of names"),
        ((CHAIN[0], np.array([["maxpool3x3"]])), "unknown operation"),
        (np.zeros((5, 5)), "no architecture"),
        ({"naslib": np.zeros((3, 3), dtype=int)}, "NASLib's tuple"),
        ({"naslib": [0, 1, 0, 0, 0, 1, 0, 0, 0, False, 2, 1]}, "NASLib's tuple"),
        ("maxpool3x3", "no architecture"),
    ],
    ids=lambda value: f"{shown(value):.40}",
)
def test_what_is_no_cell_of_nasbench101_is_one_line(architecture: Any, said: str) -> None:
    with pytest.raises(SpaceError, match=said) as refused:
        SMALL.row_of(architecture)
    assert "\n" not in str(refused.value)


# -- grids ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "architecture",
    ["x=b, y=e", "y=e,x=b", {"x": "b", "y": "e"}, '{"x": "b", "y": "e"}', 5, "row 5", "5"],
    ids=shown,
)
def test_a_cell_of_a_grid_in_every_form(architecture: object) -> None:
    assert GRID.row_of(architecture) == 5


@pytest.mark.parametrize(
    ("architecture", "said"),
    [
        ("x=b", "lacks parameter 'y'"),
        ("x=b, y", "write x=a, y=c"),
        ("x=a, x=b, y=e", "write x=a, y=c"),
        ("x=b, y=f", "cannot be 'f'"),
        (6, "rows 0 to 5"),
        ([1, 2], "configuration="),
        ([["a"]], "write x=a, y=c"),
    ],
    ids=shown,
)
def test_what_is_no_cell_of_a_grid_is_one_line(architecture: Any, said: str) -> None:
    with pytest.raises(SpaceError, match=said):
        GRID.row_of(architecture)


def test_a_parameter_may_be_called_as_a_kind_of_name() -> None:
    space = GridSpace({"row": [10, 20]})
    assert space.row_of({"row": 20}) == 1
    assert row_of_name(space, "row", 0) == 0


@pytest.mark.parametrize("space", [NB201, SMALL, GRID], ids=shown)
def test_a_configuration_is_named_as_such(space: Space) -> None:
    configuration = space.configurations([3])[0]
    assert row_of_name(space, "configuration", configuration) == 3
    assert row_of_name(space, "configuration", configuration.tolist()) == 3
