"""What every error that a user can mend has in common."""

from __future__ import annotations

import pickle

import numpy as np

from regretta.tabular_data.errors import UserError
from regretta.tabular_data.spaces import SpaceError


def test_a_message_is_one_line_whatever_it_quotes() -> None:
    assert (
        str(UserError(f"got {np.eye(2, dtype=int)}; give a row")) == "got [[1 0] [0 1]]; give a row"
    )
    assert str(UserError("a\r\nb\vc\u2028d")) == "a b c d"
    assert str(UserError("two  spaces stay")) == "two  spaces stay"


def test_an_error_goes_between_processes() -> None:
    again = pickle.loads(pickle.dumps(SpaceError("no cell")))
    assert (type(again), str(again)) == (SpaceError, "no cell")
