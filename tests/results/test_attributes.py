from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qdisc.errors import ResultError
from qdisc.results.attributes import MAX_TEXT, clean, decode, encode


def test_numbers_keep_their_kind():
    for whole in (True, 3, np.uint8(3), np.int32(3)):
        assert encode("a", whole, "/")["a"].dtype == np.int64
    for real in (0.5, np.float16(0.5), np.float32(0.5)):
        assert encode("a", real, "/")["a"].dtype == np.float64
    assert encode("a", np.zeros(2, np.uint8), "/")["a"].dtype == np.uint8
    assert encode("a", np.zeros(2, np.float16), "/")["a"].dtype == np.float32
    assert encode("a", [True, False], "/")["a"].tolist() == [1, 0]


@pytest.mark.parametrize(
    "value", [None, {"a": 1}, 1j, 2**70, 2**63, [1, "a"], object(), b"raw", [[1], [1, 2]]]
)
def test_what_is_neither_text_nor_number_is_refused(value):
    with pytest.raises(ResultError, match="/here@a"):
        encode("a", value, "/here")


@pytest.mark.parametrize("value", [np.zeros(8000), ["x"] * 3001, ["x" * MAX_TEXT]])
def test_what_is_too_large_for_an_attribute_is_refused(value):
    with pytest.raises(ResultError, match="too large for an attribute"):
        encode("a", value, "/")


@pytest.mark.parametrize("size", [0, 1, MAX_TEXT - 1, MAX_TEXT, MAX_TEXT + 1, 5 * MAX_TEXT])
@pytest.mark.parametrize("letter", ["x", "π", "𝄞"])
def test_long_text_is_split_between_characters_and_joined_again(size, letter):
    text = "y" + letter * (size // len(letter.encode()))
    stored = encode("recipe", text, "/")
    pieces = [v for v in stored.values() if isinstance(v, str)]
    assert all(len(piece.encode()) < MAX_TEXT for piece in pieces)
    assert ("recipe_parts" in stored) == (len(text.encode()) >= MAX_TEXT)
    plain = {k: v if isinstance(v, str) else v.item() for k, v in stored.items()}
    assert decode(plain) == {"recipe": text}


@given(st.text())
def test_any_text_can_be_stored(text):
    stored = clean(text)
    assert "\x00" not in stored
    stored.encode("utf-8")
    assert stored == text or "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text)


def test_attributes_that_only_look_like_pieces_are_left_alone():
    attrs = {"a": "x", "a_1": "y", "b_parts": 2, "c": "z", "c_parts": 10**9}
    assert decode(attrs) == attrs
