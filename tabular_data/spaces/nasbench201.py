"""The topology space of NAS-Bench-201 and NATS-Bench: 6 edges, 5 operations, 15,625 cells.

Dong and Yang, "NAS-Bench-201", ICLR 2020, section 2.1. A cell is a complete graph of four nodes;
each of its six edges carries one operation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regretta.tabular_data.spaces.grid import GridSpace
from regretta.tabular_data.spaces.parameter_space import Configuration
from regretta.tabular_data.spaces.parameters import SpaceError

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))
"""(node, input) of each parameter, in the order of the architecture string."""

_EXAMPLE = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
_STRING = re.compile(
    r"\|([^|]+)~0\|\+\|([^|]+)~0\|([^|]+)~1\|\+\|([^|]+)~0\|([^|]+)~1\|([^|]+)~2\|"
)


class NasBench201(GridSpace):
    """NAS-Bench-201's cells; row = the six operations as digits in base 5, first edge highest.

    Every configuration is a cell. Isomorphic strings stay rows of their own, as in the published
    tables, which trained each of the 15,625 strings.
    """

    mutation_weights: ClassVar[Mapping[str, Sequence[float]]] = {
        # A node, then one of its inputs (AutoDL-Projects, REA at ICLR 2020): 1/3, 2 × 1/6, 3 × 1/9.
        "node_first": (6, 3, 3, 2, 2, 2)
    }

    def __init__(self) -> None:
        super().__init__(
            {f"node_{node}_input_{source}": OPERATIONS for node, source in EDGES},
            name="nasbench201",
        )

    @property
    def spec(self) -> str:
        return self.name

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return ("nasbench201",)

    @classmethod
    def from_spec(cls, spec: str | Mapping[str, Any]) -> NasBench201 | None:
        return _nasbench201() if spec == "nasbench201" else None

    def describe(self, row: int) -> str:
        return self.to_string(self.configurations([self.check_row(row)])[0])

    def to_string(self, configuration: ArrayLike) -> str:
        """The architecture string, ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``.

        Raises
        ------
        SpaceError
            As `check_one`.
        """
        ops = [OPERATIONS[i] for i in self.check_one(configuration).tolist()]
        return f"|{ops[0]}~0|+|{ops[1]}~0|{ops[2]}~1|+|{ops[3]}~0|{ops[4]}~1|{ops[5]}~2|"

    def from_string(self, text: str) -> Configuration:
        """The configuration of an architecture string.

        Raises
        ------
        SpaceError
            If the text has another form, or an operation is unknown.
        """
        match = _STRING.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is None:
            raise SpaceError(
                f"not a NAS-Bench-201 architecture string such as {_EXAMPLE}: {text!r:.120}"
            )
        for operation in match.groups():
            if operation not in OPERATIONS:
                raise SpaceError(
                    f"unknown operation {operation!r:.40} in {text!r:.120}: known are"
                    f" {', '.join(OPERATIONS)}"
                )
        return np.array(
            [OPERATIONS.index(operation) for operation in match.groups()], dtype=self.dtype
        )

    def isomorphism_classes(self) -> NDArray[np.int32]:
        """Class of every row, shape ``[15625]``: equal where two strings are isomorphic, 6,466 in
        all.

        Upstream's definition (NATS-Bench, ``TopologyStructure.to_unique_str(consider_zero=True)``):
        ``skip_connect`` passes its input's expression on, ``none`` and all that follows from it is
        zero, and a sum does not depend on the order of its terms. Two habits of upstream's text
        form are kept, because the published count rests on them: a zero stays a term of a sum, and
        terms are sorted as text, so that a sum passed on by ``skip_connect`` sometimes merges with
        another one.
        """
        return _isomorphism_classes()


@cache
def _nasbench201() -> NasBench201:
    return NasBench201()


@cache
def _isomorphism_classes() -> NDArray[np.int32]:
    zero, image = "#", "0"
    expressions = []
    for operations in product(OPERATIONS, repeat=len(EDGES)):
        nodes = [image]
        edge = iter(operations)
        for node in range(1, 4):
            terms = []
            for source, operation in zip(range(node), edge, strict=False):
                if operation == "none" or nodes[source] == zero:
                    terms.append(zero)
                elif operation == "skip_connect":
                    terms.append(nodes[source])
                else:
                    terms.append(f"({nodes[source]})@{operation}")
            nodes.append("+".join(sorted(terms)))
        expressions.append(nodes[-1])
    return np.unique(expressions, return_inverse=True)[1].astype(np.int32)
