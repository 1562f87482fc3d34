"""Bad samples are refused with index, value and what to try; good ones of any dtype pass."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.dataset.dataset import Dataset
from qdisc.errors import DataError

GOOD = [[0, 1, 0], [1, 1, 0], [0, 0, 1]]


def _load(samples, data_type="discrete", **options):
    samples = np.asarray(samples)
    rows = samples.shape[0] if samples.ndim else 0
    return Dataset.from_samples(
        samples, np.arange(rows, dtype=float), data_type=data_type, **options
    )


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint16", "int64", "uint64", "float16", "float32", "float64", ">i4"]
)
def test_codes_of_any_dtype(dtype):
    ds = _load(np.array(GOOD).astype(dtype))
    np.testing.assert_array_equal(ds.samples, GOOD)
    assert ds.samples.dtype == np.uint8


def _refused(match, samples, data_type="discrete", **options) -> str:
    with pytest.raises(DataError, match=match) as caught:
        _load(samples, data_type, **options)
    return str(caught.value)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("data_type", ["discrete", "continuous", "hybrid", "shadow"])
def test_not_finite(bad, data_type):
    samples = np.zeros((4, 6))
    samples[2, 5] = bad
    text = _refused("not finite", samples, data_type)
    assert "samples[2, 5]" in text and f"value: {float(bad)!r}" in text and "try:" in text


def test_spins_are_told_how_to_convert():
    text = _refused("codes 0..d-1", [[1, -1], [1, 1]])
    assert "samples[0, 1]" in text and "value: -1" in text and "(samples + 1) // 2" in text


def test_other_negative_values_are_told_about_local_states():
    text = _refused("codes 0..d-1", [[0, 2], [-2, 1]])
    assert "samples[1, 0]" in text and "index in local_states" in text


def test_fractions():
    text = _refused("whole codes", [[0, 1], [0.3, 1]])
    assert "samples[1, 0]" in text and "0.3" in text and "continuous" in text


def test_code_out_of_range():
    text = _refused("codes are 0..1", [[0, 1], [1, 7]], local_dimension=2)
    assert "samples[1, 1]" in text and "value: 7" in text and "local_dimension=8" in text
    _refused("codes are 0..2", [[0, 3]], local_states=[-1, 0, 1])


def test_the_largest_code_gives_the_dimension():
    ds = _load([[0, 2], [1, 0]])
    assert ds.local_dimension == 3 and ds.local_states.tolist() == [0, 1, 2]
    assert _load([[0, 0]]).local_dimension == 2
    assert _load([[0, 0]], local_dimension=4).local_states.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "states", [[1.0, 1.0], [1.0], ["up", "down"], [0.0, np.nan], [[0.0, 1.0], [2.0]]]
)
def test_local_states_that_are_none(states):
    assert "local_states" in _refused("local_states", GOOD, local_states=states)


def test_local_states_as_a_list_and_dimension_that_disagree():
    assert _load(GOOD, local_states=[3, 5]).local_states.tolist() == [3.0, 5.0]
    text = _refused("disagree", GOOD, local_states=[3, 5], local_dimension=3)
    assert "2 values, local_dimension 3" in text


@pytest.mark.parametrize("dimension", [1, -1, 2.5, "2"])
def test_local_dimension_is_a_number_of_codes(dimension):
    assert repr(dimension) in _refused("local_dimension", GOOD, local_dimension=dimension)


def test_shapes():
    assert "shape (3,)" in _refused("one row per snapshot", [0, 1, 0])
    assert "shape (0, 3)" in _refused("empty", np.zeros((0, 3)))
    _refused("one row per snapshot", np.zeros((3, 0)))
    _refused("two columns per site", np.zeros((3, 5)), "hybrid")
    assert "5 columns" in _refused("two columns per site", np.full((3, 5), 2), "shadow")


@pytest.mark.parametrize("samples", [[["a", "b"]], [[1j, 0]], [[None, 1]]])
def test_not_numbers(samples):
    _refused("real numbers", samples)


def test_unknown_data_type_names_the_nearest():
    assert "'discrete'" in _refused("unknown data_type", GOOD, "discreet")


def test_shadow_words():
    text = _refused("basis is one of", [[2, 0, 1, 1]], "shadow")
    assert "samples[0, 2]" in text and "X, Y, Z" in text
    text = _refused("outcome is one of", [[2, 0, 3, 1], [2, -1, 3, 0]], "shadow")
    assert "samples[1, 1]" in text and "o = 1 for +1" in text
    _refused("two outcomes", [[2, 0]], "shadow", local_dimension=3)
    assert _load([[2, 0]], "shadow", local_dimension=5).local_dimension == 2


def test_too_large_for_float32():
    text = _refused("too large for float32", [[0.0, 1.0], [1e39, 0.0]], "continuous")
    assert "samples[1, 0]" in text and "1e+39" in text
    assert np.isfinite(_load([[3e38]], "continuous").samples).all()


def test_too_many_codes():
    assert "local_dimension" in _refused("too many codes", [[0, 10**12]])


def test_hybrid_codes_are_the_first_half():
    ds = _load([[0, 1, -0.5, 7.25]], "hybrid")
    assert ds.local_states.tolist() == [0.0, 1.0] and ds.n_sites == 2
    assert "samples[0, 0]" in _refused("whole codes", [[0.5, 1, 0, 1]], "hybrid")
