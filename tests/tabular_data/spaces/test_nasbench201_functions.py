"""Which strings of NAS-Bench-201 are one function, against pairs worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from regretta.tabular_data.spaces import NasBench201
from regretta.tabular_data.spaces.nasbench201_functions import functions, live_cell

SPACE = NasBench201()


def row(text: str) -> int:
    """Six letters in the order of the string: none, skip, 1x1, 3x3 or pool as ``ns13p``.

    Edges: 0→1 | 0→2, 1→2 | 0→3, 1→3, 2→3.
    """
    return int(SPACE.rows(np.array([["ns13p".index(letter) for letter in text]], dtype=np.int8))[0])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3nnnsn", "n3nnns"),  # conv(x), by node 1 or by node 2
        ("3ssnns", "3snnss"),  # x + conv(x): a skip passes a sum on, term by term
        ("nnn3n1", "nnn3nn"),  # a convolution of zero is zero
        ("33nnnn", "nnnnnn"),  # nothing reaches the output
        ("3snnss", "s3nnss"),  # x + conv(x), whichever node has which
        ("33nnss", "3nn3sn"),  # conv_a(x) + conv_b(x)
        ("snnspn", "nsnsnp"),  # x + pool(x)
    ],
)
def test_one_function_in_two_strings(one: str, other: str) -> None:
    of_row = functions().of_row
    assert of_row[row(one)] == of_row[row(other)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3nsnss", "33nnss"),  # twice one convolution, and the sum of two
        ("3nnnsn", "1nnnsn"),  # another kernel
        ("snnspn", "ssnspp"),  # one pooling of x and two of them
        ("3n3nns", "33nnss"),  # conv(conv(x)) and conv(x) + conv(x)
        ("3n1nns", "1n3nns"),  # the order of two convolutions
        ("3nnnpn", "pnnn3n"),  # pool(conv(x)) and conv(pool(x))
        ("nnnsnn", "nnnnnn"),  # x and zero
    ],
)
def test_two_functions(one: str, other: str) -> None:
    of_row = functions().of_row
    assert of_row[row(one)] != of_row[row(other)]


def test_a_pooling_of_a_sum_is_not_taken_apart() -> None:
    # pool(x + conv(x)) = pool(x) + pool(conv(x)) but for rounding: they are kept as two
    of_row = functions().of_row
    assert of_row[row("3ssnnp")] != of_row[row("3pnnps")]


def test_upstream_merges_twice_one_convolution_with_the_sum_of_two() -> None:
    classes = SPACE.isomorphism_classes()
    assert classes[row("3nsnss")] == classes[row("33nnss")]


def test_there_are_5260_functions_and_341_strings_are_zero() -> None:
    found = functions()
    assert len(found.cells) == found.of_row.max() + 1 == 5260
    assert (found.of_row == found.of_row[row("nnnnnn")]).sum() == 341
    assert not found.cells[found.of_row[row("nnnnnn")]].edges


def test_a_cell_keeps_what_reaches_its_output_and_comes_from_its_input() -> None:
    # 0→1 3x3, 0→2 none, 1→2 skip, 0→3 none, 1→3 none, 2→3 1x1
    chain = live_cell(np.array([3, 0, 1, 0, 0, 2], dtype=np.int8))
    assert [edge[:2] for edge in chain.edges] == [(0, 1), (1, 2), (2, 3)]
    # node 1 has no reader, node 2 no input
    assert live_cell(np.array([3, 0, 0, 1, 0, 4], dtype=np.int8)).edges == ((0, 3, "skip_connect"),)


def test_functions_are_numbered_by_their_first_row() -> None:
    found = functions()
    first = [int(np.flatnonzero(found.of_row == number)[0]) for number in range(0, 5260, 500)]
    assert first == sorted(first)
    for number, place in zip(range(0, 5260, 500), first, strict=True):
        configuration = SPACE.configurations(np.array([place]))[0]
        assert found.cells[number] == live_cell(configuration)
