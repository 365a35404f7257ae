"""NAS-Bench-101: pruning, hashes, encodings, the perfect index."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regretta.tabular_data.spaces import NasBench101, SpaceError, get_space
from regretta.tabular_data.spaces.nasbench101_graph import OPERATIONS, prune
from regretta.tabular_data.spaces.nasbench101_index import cell_index

CONV3, CONV1, POOL = OPERATIONS


def matrix_of(code: int, vertices: int) -> np.ndarray:
    matrix = np.zeros((vertices, vertices), dtype=np.int8)
    edges = np.triu_indices(vertices, 1)
    matrix[edges] = code >> np.arange(len(edges[0])) & 1
    return matrix


@pytest.mark.parametrize(("vertices", "cells"), [(2, 1), (3, 7), (4, 91), (5, 2_532), (7, 423_624)])
def test_number_of_unique_cells(vertices: int, cells: int) -> None:
    """Counts of upstream's own enumeration (google-research/nasbench)."""
    assert cell_index(vertices).n_cells == cells


@pytest.mark.slow
def test_number_of_unique_cells_of_up_to_6_vertices() -> None:
    assert cell_index(6).n_cells == 64_542


def test_valid_fraction_of_encoding_a() -> None:
    """573,494 of 2²¹ matrices: 27.346 %."""
    graph = cell_index(7).graph
    assert int((graph > 0).sum()) == 573_494
    assert round(100 * float((graph > 0).mean()), 3) == 27.346


def test_valid_fraction_of_encoding_a_with_edges_counted_after_pruning() -> None:
    """1,538,083 of 2²¹ matrices, 73.342 %: all of them pruned another way, by matrix powers."""
    codes = np.arange(1 << 21)
    rows, columns = np.triu_indices(7, 1)
    valid = np.zeros(len(codes), dtype=bool)
    for part in np.array_split(codes, 32):
        matrix = np.zeros((len(part), 7, 7), dtype=np.float32)
        matrix[:, rows, columns] = part[:, None] >> np.arange(21) & 1
        reach = np.linalg.matrix_power(matrix + np.eye(7, dtype=np.float32), 6) > 0
        kept = reach[:, 0, :] & reach[:, :, 6]
        edges = (matrix * kept[:, :, None] * kept[:, None, :]).sum(axis=(1, 2))
        valid[part] = reach[:, 0, 6] & (edges <= 9)
    graph = cell_index(7, "after").graph
    assert np.array_equal(valid, graph > 0)
    assert int((graph > 0).sum()) == 1_538_083


def test_valid_fraction_of_encoding_b() -> None:
    """Nine uniform draws of 21 entries: 78.502 %, by counting draws onto each set of edges."""
    valid = _valid_matrices_by_edges()
    # Surjections of 9 draws onto a set of k edges: k! S(9, k).
    onto = [sum((-1) ** j * _choose(k, j) * (k - j) ** 9 for j in range(k + 1)) for k in range(10)]
    share = sum(int(valid[k]) * onto[k] for k in range(1, 10)) / 21**9
    assert round(100 * share, 3) == 78.502


def test_valid_fraction_of_encoding_c() -> None:
    """num_edges uniform in 0..9, every set of that size equally likely: 43.480 %."""
    valid = _valid_matrices_by_edges()
    share = sum(int(valid[k]) / _choose(21, k) for k in range(10)) / 10
    assert round(100 * share, 3) == 43.480


def _choose(n: int, k: int) -> int:
    from math import comb

    return comb(n, k)


def _valid_matrices_by_edges() -> np.ndarray:
    codes = np.arange(1 << 21)
    edges = np.zeros(1 << 21, dtype=np.int64)
    for bit in range(21):
        edges += codes >> bit & 1
    return np.bincount(edges[cell_index(7).graph > 0], minlength=22)


@pytest.mark.parametrize(("encoding", "fraction"), [("A", 0.27346), ("B", 0.78502), ("C", 0.43480)])
def test_samples_of_an_encoding_are_valid_as_often_as_its_exact_fraction(
    encoding: str, fraction: float
) -> None:
    space = NasBench101(7, encoding)
    n = 200_000
    share = space.valid(space.sample(np.random.default_rng(0), n)).mean()
    assert abs(share - fraction) < 4 * np.sqrt(fraction * (1 - fraction) / n)


def test_pruning_removes_what_is_off_every_path() -> None:
    # 0→1→4 is a path; 2 hangs off the input, 3 leads to the output from nowhere.
    matrix = np.zeros((5, 5), dtype=np.int8)
    for edge in ((0, 1), (1, 4), (0, 2), (3, 4)):
        matrix[edge] = 1
    cell = prune(matrix, (CONV3, CONV1, POOL))
    assert cell is not None
    assert cell.matrix.tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert cell.operations == (CONV3,)


def test_without_a_path_to_the_output_there_is_no_cell() -> None:
    matrix = np.zeros((4, 4), dtype=np.int8)
    matrix[0, 1] = matrix[2, 3] = 1
    assert prune(matrix, (CONV3, CONV1)) is None


def test_module_hash_of_the_smallest_cell_by_hand() -> None:
    """Input → output: two rounds of MD5 written out as upstream's ``hash_module`` defines them."""
    from hashlib import md5

    def digest(text: str) -> str:
        return md5(text.encode()).hexdigest()

    source, target = digest("(1, 0, -1)"), digest("(0, 1, -2)")
    for _ in range(2):
        source, target = digest(f"|{target}|{source}"), digest(f"{source}||{target}")
    cell = prune(np.array([[0, 1], [0, 0]]), ())
    assert cell is not None
    assert cell.module_hash() == digest(str(sorted([source, target])))


def test_isomorphic_cells_share_hash_and_row() -> None:
    """Two parallel branches, written in either order."""
    space = NasBench101(7)
    matrix = np.array([[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]])
    one, other = prune(matrix, (CONV3, POOL)), prune(matrix, (POOL, CONV3))
    assert one is not None
    assert other is not None
    assert one.module_hash() == other.module_hash()
    assert (
        space.row_of_cell(one.matrix, one.operations)
        == space.row_of_cell(other.matrix, other.operations)
        >= 0
    )


def test_the_index_equals_pruning_and_hashing_for_every_matrix_and_operation_of_5_vertices() -> (
    None
):
    index, after = cell_index(5), cell_index(5, "after")
    row_of = {index.cell(row).module_hash(): row for row in range(index.n_cells)}
    assert list(row_of) == sorted(row_of), "rows ascend by module hash"
    for code, ops in product(range(1 << 10), range(27)):
        matrix = matrix_of(code, 5)
        cell = prune(matrix, tuple(OPERATIONS[ops // 3**v % 3] for v in range(3)))
        row = -1 if cell is None or cell.edges > 9 else row_of[cell.module_hash()]
        assert after.find_row(code, ops) == row
        assert index.find_row(code, ops) == (row if matrix.sum() <= 9 else -1)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, (1 << 21) - 1), st.integers(0, 242))
def test_the_index_finds_the_pruned_cell_of_7_vertices(code: int, ops: int) -> None:
    index, after = cell_index(7), cell_index(7, "after")
    matrix = matrix_of(code, 7)
    cell = prune(matrix, tuple(OPERATIONS[ops // 3**v % 3] for v in range(5)))
    row = after.find_row(code, ops)
    if cell is None or cell.edges > 9:
        assert row == -1
    else:
        assert index.cell(row).module_hash() == cell.module_hash()
    assert index.find_row(code, ops) == (row if matrix.sum() <= 9 else -1)


@pytest.mark.slow
def test_validity_equals_pruning_for_all_matrices_of_7_vertices() -> None:
    """Reachability on all 2²¹ matrices, computed another way: by powers of the adjacency matrix."""
    codes = np.arange(1 << 21)
    rows, columns = np.triu_indices(7, 1)
    valid = np.zeros(len(codes), dtype=bool)
    for part in np.array_split(codes, 32):
        matrix = np.zeros((len(part), 7, 7), dtype=np.float32)
        matrix[:, rows, columns] = part[:, None] >> np.arange(21) & 1
        reach = np.linalg.matrix_power(matrix + np.eye(7, dtype=np.float32), 6)
        valid[part] = (reach[:, 0, 6] > 0) & (matrix.sum(axis=(1, 2)) <= 9)
    assert np.array_equal(valid, cell_index(7).graph > 0)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_every_valid_matrix_of_7_vertices_finds_the_published_hash_of_its_pruned_cell(
    shared_tables: Path, part: int
) -> None:
    """All 573,494 of them, each with operations of its own drawn at random."""
    official = np.load(shared_tables / "nb101" / "hash16.npy")
    index = cell_index(7)
    codes = np.flatnonzero(index.graph)
    assert len(codes) == 573_494
    drawn = np.random.default_rng(3).integers(0, 243, len(codes))
    for code, ops in zip(codes[part::8].tolist(), drawn[part::8].tolist(), strict=True):
        cell = prune(matrix_of(code, 7), tuple(OPERATIONS[ops // 3**v % 3] for v in range(5)))
        assert cell is not None
        assert official[index.find_row(code, ops)].tobytes().hex() == cell.module_hash()


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_rows_are_those_of_the_official_hashes(shared_tables: Path, part: int) -> None:
    """Module hashes of all 423,624 published cells, in the published order."""
    official = np.load(shared_tables / "nb101" / "hash16.npy")
    index = cell_index(7)
    assert len(official) == index.n_cells
    for row in range(part, index.n_cells, 8):
        assert index.cell(row).module_hash() == official[row].tobytes().hex()


def test_the_published_cells_lie_in_their_rows(shared_tables: Path) -> None:
    """All 423,624 published matrices and operations, looked up in one batch."""
    core = np.load(shared_tables / "nb101" / "core.npz")
    index = cell_index(7)
    n, operations = core["n_vertices"].astype(int), core["ops"].astype(int)
    code = np.zeros(len(n), dtype=np.int64)
    number = {edge: k for k, edge in enumerate(zip(*np.triu_indices(7, 1), strict=True))}
    for k, (i, j) in enumerate(zip(*np.triu_indices(7, 1), strict=True)):
        bit = core["adj_bits"].astype(np.int64) >> k & 1
        # The output of a smaller cell is moved to the last vertex.
        for vertices in range(2, 8):
            moved = number[(i, 6) if j == vertices - 1 else (i, j)] if j < vertices else 0
            code += np.where((n == vertices) & (j < vertices), bit << moved, 0)
    operations_code = (np.where(operations == 255, 0, operations) * 3 ** np.arange(5)).sum(axis=1)
    assert np.array_equal(index.find_rows(code, operations_code), np.arange(len(n)))


def test_encodings_a_and_b_count_edges_differently() -> None:
    """A's edge 1 is input → vertex 2; B's is the second to last by columns, 4 → output."""
    a, b = NasBench101(7, "A"), NasBench101(7, "B")
    values_a = {f"edge_{k}": str(int(k == 1)) for k in range(21)} | {
        f"op_node_{i}": CONV3 for i in range(5)
    }
    values_b = {f"edge_{i}": "1" for i in range(9)} | {f"op_node_{i}": CONV3 for i in range(5)}
    assert np.argwhere(a.matrix(a.from_values(values_a))).tolist() == [[0, 2]]
    assert np.argwhere(b.matrix(b.from_values(values_b))).tolist() == [[4, 6]]


def test_encoding_c_keeps_the_edges_with_the_largest_numbers() -> None:
    space = NasBench101(4, "C")
    values: dict[str, object] = {
        f"edge_{k}": v for k, v in enumerate((0.9, 0.1, 0.3, 0.2, 0.8, 0.4))
    }
    values |= {"num_edges": 2, "op_node_0": CONV3, "op_node_1": CONV1}
    # The largest two are entries 0 (input → 1) and 4 (1 → output).
    assert np.argwhere(space.matrix(space.from_values(values))).tolist() == [[0, 1], [1, 3]]
    assert space.describe(space.row(space.from_values(values))) == f"010/001/000 {CONV3}"


def test_edges_among_dead_vertices_count_before_pruning_and_not_after() -> None:
    """Source → 1 → output is the cell; eight more edges lie among vertices that are pruned."""
    before, after = NasBench101(7), NasBench101(7, counting="after")
    edges = [(0, 1), (1, 6), (2, 3), (2, 4), (2, 5), (3, 4), (3, 5), (4, 5), (0, 2), (0, 3)]
    entries = list(zip(*np.triu_indices(7, 1), strict=True))
    configuration = np.zeros(26, dtype=np.int8)
    for edge in edges[:9]:
        configuration[entries.index(edge)] = 1
    assert before.row(configuration) == after.row(configuration) >= 0
    configuration[entries.index(edges[9])] = 1
    assert before.valid(configuration[None]).tolist() == [False]
    assert after.valid(configuration[None]).tolist() == [True]
    # A look-up of a cell needs no configuration and follows ``api.query``: after.
    matrix = before.matrix(configuration)
    assert before.row_of_cell(matrix, [CONV1] * 5) == after.row(configuration)


def test_the_notebooks_rule_finds_a_cell_of_ten_edges_before_pruning() -> None:
    """Vertex 4 leads nowhere; what is left has six edges and is published under its hash."""
    matrix = np.zeros((7, 7), dtype=int)
    for edge in ((0, 1), (0, 2), (0, 6), (1, 3), (2, 3), (3, 6), (0, 4), (1, 4), (2, 4), (3, 4)):
        matrix[edge] = 1
    operations = [CONV3, POOL, CONV1, CONV3, CONV3]
    cell = prune(matrix, operations)
    assert cell is not None
    assert cell.edges == 6
    assert NasBench101().row_of_cell(matrix, operations) == 133_549


@pytest.mark.parametrize("encoding", ["A", "B", "C"])
def test_the_rule_for_counting_is_part_of_a_spaces_name(encoding: str) -> None:
    after = get_space("nasbench101", encoding, "after")
    assert after.name == f"nasbench101/{encoding}/after-pruning"
    assert get_space(after.spec).name == after.name
    assert after.variant(counting="before").name == f"nasbench101/{encoding}"


def test_the_rules_differ_in_about_46_of_100_uniform_samples() -> None:
    """27.3 % are valid before and 73.3 % after, the notebook's rule."""
    configurations = NasBench101().sample(np.random.default_rng(0), 20_000)
    before = NasBench101().valid(configurations)
    after = NasBench101(counting="after").valid(configurations)
    assert (after | ~before).all(), "what passes before pruning passes after"
    assert abs(after.mean() - 1_538_083 / 2**21) < 4 * np.sqrt(0.25 / 20_000)


@pytest.mark.parametrize("encoding", ["B", "C"])
def test_the_rules_agree_where_no_more_than_9_edges_can_be_spelled(encoding: str) -> None:
    before, after = NasBench101(7, encoding), NasBench101(7, encoding, "after")
    configurations = before.sample(np.random.default_rng(1), 5_000)
    assert np.array_equal(before.find_rows(configurations), after.find_rows(configurations))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((8,), "number of vertices 8"), ((7, "D"), "encoding 'D'"), ((7, "A", "never"), "'never'")],
)
def test_a_space_that_does_not_exist_is_refused(arguments: tuple, said: str) -> None:
    with pytest.raises(SpaceError, match=said):
        NasBench101(*arguments)


CHAIN = np.eye(4, k=1, dtype=int)


@pytest.mark.parametrize(
    ("matrix", "operations", "said"),
    [
        (CHAIN, [POOL], "4 vertices has 2 operations (or 4 with input and output), got 1"),
        (CHAIN, [POOL] * 3, "got 3"),
        (CHAIN, ["output", POOL, POOL, "input"], "got 4"),
        (CHAIN, ["input", POOL, "output"], "got 3"),
        (CHAIN + np.eye(4, k=-2, dtype=int), [POOL] * 2, "upper triangular"),
        (CHAIN.T, [POOL] * 2, "upper triangular"),
        (-CHAIN, [POOL] * 2, "entries 0 and 1"),
        (CHAIN / 2, [POOL] * 2, "entries 0 and 1"),
        (CHAIN * np.nan, [POOL] * 2, "entries 0 and 1"),
        ([[0, 1], [0]], [], "square"),
        ("0100", [], "square"),
        (None, [], "square"),
        ([[0, "1"], [0, 0]], [], "square"),
        (np.ma.array(CHAIN, mask=CHAIN), [POOL] * 2, "square"),
        (CHAIN, [POOL, "sep3x3"], "unknown operation 'sep3x3'"),
        (CHAIN, [POOL, -1], "unknown operation -1"),
        (CHAIN, [POOL, None], "unknown operation None"),
        (CHAIN, POOL, "a list of names"),
        (CHAIN, 2, "a list of names"),
        (np.diag([1, 0, 1], k=1), [POOL] * 2, "no path of the matrix"),
        (np.triu(np.ones((6, 6), int), 1), [POOL] * 4, "6 vertices and 15 edges"),
        (np.eye(8, k=1, dtype=int), [POOL] * 6, "8 vertices and 7 edges, and at most 7 and 9"),
    ],
)
def test_what_is_no_cell_is_one_line_and_never_another_cells_row(
    matrix: object, operations: object, said: str
) -> None:
    with pytest.raises(SpaceError, match=re.escape(said)) as caught:
        NasBench101().row_of_cell(matrix, operations)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_a_cell_is_taken_as_people_write_it() -> None:
    """Lists, tuples, floats that are whole, truth values; with and without input and output."""
    space = NasBench101()
    row = space.row_of_cell(CHAIN, [POOL, CONV1])
    assert space.describe(row) == f"0100/0010/0001/0000 {POOL},{CONV1}"
    forms = [CHAIN.tolist(), tuple(map(tuple, CHAIN.tolist())), CHAIN.astype(float), CHAIN > 0]
    for matrix in [*forms, np.asfortranarray(CHAIN), CHAIN.astype(">i8")]:
        for operations in (
            [POOL, CONV1],
            (POOL, CONV1),
            np.array([POOL, CONV1]),
            ["input", POOL, CONV1, "output"],
        ):
            assert space.row_of_cell(matrix, operations) == row  # type: ignore[arg-type]


def test_a_matrix_of_more_vertices_is_looked_up_as_what_pruning_leaves() -> None:
    """The chain of four with five dead vertices; upstream counts vertices after pruning too."""
    large = np.zeros((9, 9), dtype=int)
    for edge in ((0, 1), (1, 2), (2, 8), (0, 3), (3, 4), (0, 5), (6, 7), (7, 8)):
        large[edge] = 1
    operations = [POOL, CONV1, *[CONV3] * 5]
    for space in (NasBench101(), NasBench101(4)):
        assert space.row_of_cell(large, operations) == space.row_of_cell(CHAIN, [POOL, CONV1])


@settings(max_examples=200)
@given(st.data())
def test_whatever_matrix_is_looked_up_gives_its_own_cell_or_one_line(data: st.DataObject) -> None:
    n = data.draw(st.integers(2, 8))
    entries = st.sampled_from([0, 0, 1, 1, 1, 1, 0.0, 1.0, -1, 0.5, 2, float("nan")])
    matrix = [[0] * n for _ in range(n)]
    for i in range(n):
        for j in range(n):
            if j > i or data.draw(st.integers(0, 40)) == 0:
                matrix[i][j] = data.draw(entries if data.draw(st.booleans()) else st.integers(0, 1))
    operations = data.draw(
        st.lists(
            st.sampled_from([*OPERATIONS, *OPERATIONS, "none"]), min_size=n - 3, max_size=n - 1
        )
        if n > 2
        else st.just([])
    )
    space = NasBench101()
    refused = ""
    try:
        row = space.row_of_cell(matrix, operations)
    except SpaceError as error:
        refused = str(error)
    if refused:
        assert "\n" not in refused
        return
    cell = prune(np.array(matrix).astype(int), operations)
    assert cell is not None
    assert space.cell(row).module_hash() == cell.module_hash()


@pytest.mark.parametrize("bad", [np.eye(3), np.ones((2, 3)), np.full((3, 3), 2)])
def test_a_matrix_that_is_no_cell_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(SpaceError, match="square and upper triangular"):
        prune(bad, (CONV3,))


def test_an_unknown_operation_is_refused() -> None:
    with pytest.raises(SpaceError, match="unknown operation 'conv5x5'"):
        prune(np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]]), ("conv5x5",))
