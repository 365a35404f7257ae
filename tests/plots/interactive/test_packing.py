import base64
import json

import numpy as np
import pytest

from regretta.plots.interactive.explorer import in_a_page
from regretta.plots.interactive.packing import Arrays


def test_an_array_is_its_32_bit_floats_with_what_is_missing():
    arrays = Arrays()
    assert arrays.add([1.0, np.nan, -np.inf]) == 0
    (text,) = arrays.texts()
    # IEEE 754: 1.0 is 3F800000, NaN 7FC00000, -inf FF800000; the lowest byte comes first
    assert base64.b64decode(text).hex() == "0000803f" + "0000c07f" + "000080ff"


def test_equal_arrays_are_kept_once():
    arrays = Arrays()
    assert [arrays.add(values) for values in ([1, 2], [2, 1], np.array([1.0, 2.0]))] == [0, 1, 0]
    assert len(arrays.texts()) == 2


@pytest.mark.parametrize(
    "label",
    [
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "]]>&amp;",
        "\"quoted' \\",
        "木 \u2028 😀",
    ],
)
def test_no_label_ends_the_script_element_that_holds_it(label):
    text = in_a_page({"name": label})
    assert not set("<>&") & set(text)
    assert text.isascii()
    assert json.loads(text) == {"name": label}


def test_what_json_has_no_word_for_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        in_a_page({"value": float("nan")})
