"""Counts as strings: which end is site 0, and what is not a count."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.dataset.dataset import Dataset
from qdisc.errors import DataError


def test_character_i_is_column_i():
    ds = Dataset.from_counts([{"0100": 3}], [0.0])
    np.testing.assert_array_equal(ds.samples, [[0, 1, 0, 0]] * 3)
    assert ds.local_dimension == 2 and ds.deduplicated


def test_right_to_left_is_the_mirror():
    """Qiskit writes qubit 0 last."""
    ds = Dataset.from_counts([{"0010": 3}], [0.0], site_order="right_to_left")
    np.testing.assert_array_equal(ds.samples, [[0, 1, 0, 0]] * 3)


def test_right_to_left_keeps_the_pairs_of_shadows():
    ds = Dataset.from_counts([{"2031": 2}], [0.0], data_type="shadow", site_order="right_to_left")
    np.testing.assert_array_equal(ds.samples, [[3, 1, 2, 0]] * 2)
    with pytest.raises(DataError, match="2 characters"):
        Dataset.from_counts([{"203": 2}], [0.0], data_type="shadow", site_order="right_to_left")


def test_from_counts_is_from_samples():
    rng = np.random.default_rng(0)
    samples, point = rng.integers(0, 3, (200, 3)), rng.integers(0, 4, 200)
    counts: list[dict[str, int]] = [{} for _ in range(4)]
    for row, p in zip(samples, point, strict=True):
        text = "".join(map(str, row))
        counts[p][text] = counts[p].get(text, 0) + 1
    a = Dataset.from_counts(counts, [0.0, 1.0, 2.0, 3.0])
    b = Dataset.from_samples(samples, point.astype(float), data_type="discrete")
    spins = a.average(a.physical(a.configurations))
    np.testing.assert_allclose(spins, b.average(b.physical(b.configurations)), rtol=1e-13)
    np.testing.assert_array_equal(a.shots, b.shots)


def test_zeros_and_numpy_counts():
    ds = Dataset.from_counts([{"01": np.int32(2), "11": 0}, {"11": 1.0}], [0.0, 1.0])
    assert ds.shots.tolist() == [2, 1] and ds.n_snapshots == 3


@pytest.mark.parametrize(
    ("counts", "match", "seen"),
    [
        ([{"01": 1, "011": 1}], "one length", "counts[0]['011']"),
        ([{"01": 1}, {"0a": 1}], "string of digits", "counts[1]['0a']"),
        ([{"²1": 1}], "string of digits", "counts[0]"),
        ([{"": 1}], "string of digits", "value: ''"),
        ([{"01": -1}], "whole number", "-1"),
        ([{"01": 1.5}], "whole number", "1.5"),
        ([{"01": float("nan")}], "whole number", "nan"),
        ([{"01": float("inf")}], "whole number", "inf"),
        ([{"01": "2"}], "whole number", "'2'"),
        ([{"01": True}], "whole number", "True"),
        ([{"01": None}], "whole number", "None"),
        ([{}], "empty", "1 points"),
        ([{"01": 0}], "empty", "counts"),
        ([], "empty", "0 points"),
    ],
)
def test_what_is_not_a_count(counts, match, seen):
    with pytest.raises(DataError, match=match) as caught:
        Dataset.from_counts(counts, np.arange(float(len(counts))))
    assert seen in str(caught.value)


def test_site_order_is_a_word():
    with pytest.raises(DataError, match="which end") as caught:
        Dataset.from_counts([{"01": 1}], [0.0], site_order="qiskit")
    assert "right_to_left (Qiskit)" in str(caught.value)
