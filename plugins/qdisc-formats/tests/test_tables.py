"""Text tables and Parquet: bit strings, numbered columns, theta and counts, lines in messages."""

from __future__ import annotations

import json

import numpy as np
import pytest
from qdisc import load
from qdisc.errors import DataError
from qdisc.testing import check_plugin

from qdisc_formats.csv_text import CsvConfig, loader

LEFT = {"site_order": "left_to_right"}


@pytest.fixture
def write(tmp_path):
    def function(text, name="table.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return function


def test_the_contract(write):
    config = CsvConfig(site_order="left_to_right")
    check_plugin(loader, config=config, file=write("h,bits\n" + "0.5,0100\n1.5,0000\n" * 20))


def test_bit_strings_need_an_order(write):
    path = write("# X on site 1\n0100\n0100\n", "shots.txt")
    with pytest.raises(DataError, match="which end of the strings is site 0"):
        load(path)
    dataset = load(path, theta={"h": 0.5}, **LEFT)
    assert dataset.samples.tolist() == [[0, 1, 0, 0]] * 2 and dataset.theta.tolist() == [[0.5]]
    assert load(path, site_order="right_to_left").samples[0].tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize("sign", [",", ";", "\t", " "])
def test_numbered_columns(write, sign):
    rows = [
        ["h", "s0", "s1", "s2", "shot"],
        ["0.5", "0", "1", "0", "1"],
        ["1.5", "0", "1", "0", "2"],
    ]
    dataset = load(write("\n".join(sign.join(row) for row in rows)))
    assert dataset.samples.tolist() == [[0, 1, 0]] * 2
    assert dataset.theta_names == ("h",) and dataset.theta[:, 0].tolist() == [0.5, 1.5]
    assert "take no part: 'shot'" in dataset.source["notes"]


def test_theta_units_and_counts(write):
    path = write("Delta (MHz);V [um];bits;count\n0.5;6;0100;3\n0.5;6;0000;1\n1.5;6;0000;2\n")
    dataset = load(path, **LEFT)
    assert dataset.theta_names == ("Delta",) and dataset.theta_units == ("MHz",)
    assert dataset.shots.tolist() == [4, 2] and dataset.n_snapshots == 6
    assert dataset.average(dataset.configurations)[:, 1].tolist() == [0.75, 0.0]
    both = load(path, theta_names=["Delta (MHz)", "V [um]"], **LEFT)
    assert both.theta_units == ("MHz", "um") and both.theta.tolist() == [[0.5, 6], [1.5, 6]]


def test_comments_and_constant_columns_are_kept(write):
    dataset = load(write("# cooled for 3 s\nh,V,seed,bits\n0.5,6,1,01\n1.5,6,1,01\n"), **LEFT)
    metadata = json.loads(dataset.source["metadata"])
    assert metadata == {"comments": ["# cooled for 3 s"], "constant": {"V": 6.0}}
    huge = load(write("bits,count\n01,1000000000000\n10,1\n"), **LEFT)
    assert huge.n_snapshots == 10**12 + 1


def test_columns_without_a_header(write):
    assert load(write("0 1 0\n0 1 0\n")).samples.tolist() == [[0, 1, 0]] * 2
    assert load(write("-1,1,-1\n")).local_states.tolist() == [-1, 1]
    path = write("0.5,0,1\n1.5,0,1\n")
    with pytest.raises(DataError, match="without a header") as caught:
        load(path)
    assert 'samples = ["c0", "c1", "c2"]' in str(caught.value)
    dataset = load(path, theta_names=["c0"])
    assert dataset.samples.tolist() == [[0, 1]] * 2 and dataset.theta[:, 0].tolist() == [0.5, 1.5]


def test_columns_that_are_not_in_order(write):
    """A table written from the last qubit to the first must not be read in silence."""
    path = write("q2,q1,q0\n0,0,1\n")
    with pytest.raises(DataError, match="not in the order of their numbers") as caught:
        load(path)
    assert "samples = " in str(caught.value)
    assert load(path, samples=["q0", "q1", "q2"]).samples.tolist() == [[1, 0, 0]]


@pytest.mark.parametrize(
    ("text", "options", "error", "words"),
    [
        ("h,s0,s1\n0.5,0,1\n0.5,0\n", {}, DataError, ("line 3", "2 fields", "3 fields")),
        ("h,s0,s1\n0.5,0,1\nx,0,1\n0.5,0,1\n", {}, DataError, ("no number", "line 3", "'x'")),
        ("h,s0,s1\n0.5,0,7.5\n", {"data_type": "discrete"}, DataError, ("whole", "sites[0, 1]")),
        ("bits,n\n01,1\n011,1\n", {"samples": "bits", **LEFT}, DataError, ("one length", "'011'")),
        ("bits,count\n01,1\n10,-1\n", LEFT, DataError, ("whole number", "row 1", "-1")),
        ("h,s0,s1\n0.5,0,1\n", {"samples": ["s0", "s9"]}, DataError, ("no such column", "s9")),
        ("h,s0,s1\n0.5,0,1\n", {"theta_names": ["hh"]}, DataError, ("did you mean 'h'",)),
        ("h,h,s0,s1\n0,0,0,1\n", {}, DataError, ("two columns have one name", "'h'")),
        ("h,a,b\n0.5,3,4\n", {}, DataError, ("which columns are sites",)),
        ('h,s0,s1\n"0.5,0,1\n', {}, DataError, ("no row of a table", "line 2")),
        ("h,s0,s1\nnan,0,1\n1,0,1\n", {"theta_names": ["h"]}, DataError, ("finite", "'h'")),
    ],
)
def test_refusals(write, text, options, error, words):
    with pytest.raises(error) as caught:
        load(write(text), loader="csv", **options)
    for word in words:
        assert word in str(caught.value), str(caught.value)


def test_numbers_written_like_bits_are_theta(write):
    dataset = load(write("L,s0,s1\n10,0,1\n11,0,1\n10,0,1\n"))
    assert dataset.theta_names == ("L",) and dataset.theta[:, 0].tolist() == [10, 11]
    assert dataset.shots.tolist() == [2, 1]


def test_continuous_columns(write):
    dataset = load(write("h,x0,x1\n0.5,0.1,-2.5\n1.5,0.2,3.5\n"))
    assert dataset.data_type == "continuous" and dataset.shots.tolist() == [1, 1]


# -- Parquet -----------------------------------------------------------------------------------


@pytest.fixture
def table(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")

    def function(columns, **options):
        path = tmp_path / "table.parquet"
        columns = columns if isinstance(columns, arrow.Table) else arrow.table(columns)
        parquet.write_table(columns, path, **options)
        return path

    return function


def test_parquet_contract(table):
    from qdisc_formats.parquet import loader as parquet
    from qdisc_formats.table import TableConfig

    path = table({"h": [0.5, 1.5] * 50, "bits": ["0100", "0000"] * 50})
    check_plugin(parquet, config=TableConfig(site_order="left_to_right"), file=path)


def test_parquet_strings_columns_and_lists(table):
    import pyarrow as arrow

    path = table({"lambda0": [0.5, 0.5, 1.5], "bits": ["0100", "0100", "0000"]})
    dataset = load(path, **LEFT)
    assert dataset.theta_names == ("lambda0",) and dataset.shots.tolist() == [2, 1]
    path = table({"h": ["0.0500", "1e-1"], "bits": ["01", "01"]})  # numbers as text
    assert load(path, **LEFT).theta[:, 0].tolist() == [0.05, 0.1]
    path = table(arrow.table({"bits": ["01"]}).replace_schema_metadata({"device": "A"}))
    assert json.loads(load(path, **LEFT).source["metadata"]) == {"device": "A"}
    path = table({"h": [0.5, 1.5], "s0": [0, 0], "s1": [True, True], "s2": [0.0, 0.0]})
    assert load(path).samples.tolist() == [[0, 1, 0]] * 2
    lists = arrow.array([[0, 1, 0], [0, 1, 0]], arrow.list_(arrow.int8(), 3))
    assert load(table({"h": [0.5, 1.5], "snap": lists})).samples.tolist() == [[0, 1, 0]] * 2
    ragged = arrow.array([[0, 1, 0], [0, 1]], arrow.list_(arrow.int8()))
    with pytest.raises(DataError, match="lists of one length"):
        load(table({"h": [0.5, 1.5], "snap": ragged}))
    with pytest.raises(DataError, match="has gaps"):
        load(table({"h": [0.5, None], "bits": ["01", "10"]}), **LEFT)


def test_parquet_is_damaged_or_too_large(table, tmp_path, monkeypatch):
    path = table({"h": np.arange(100.0), "bits": ["01"] * 100})
    raw = path.read_bytes()
    path.write_bytes(raw[:20] + b"\xff" * 20 + raw[40:])
    with pytest.raises(DataError):
        load(path, **LEFT)
    monkeypatch.setattr("qdisc_formats.parquet.MAX_VALUES", 100)
    path = table({"h": np.arange(100.0), "bits": ["01"] * 100})
    with pytest.raises(DataError, match="larger than is read") as caught:
        load(path, **LEFT)
    assert "100 rows, 2 columns" in str(caught.value)
