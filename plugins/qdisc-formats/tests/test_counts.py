"""Bare counts: five layouts, an order that must be said, and settings that must be known."""

from __future__ import annotations

import json

import pytest
from qdisc import load
from qdisc.errors import DataError
from qdisc.testing import check_plugin

from qdisc_formats.counts_json import CountsConfig, loader

LEFT = {"site_order": "left_to_right"}


@pytest.fixture
def write(tmp_path):
    def function(document):
        path = tmp_path / "counts.json"
        path.write_text(json.dumps(document))
        return path

    return function


def test_the_contract(write):
    path = write({"0100": 3, "0000": 1})
    check_plugin(loader, config=CountsConfig(site_order="left_to_right"), file=path)


@pytest.mark.parametrize(
    ("document", "theta"),
    [
        ({"0100": 2}, [[0.0]]),
        (["0100", "0100"], [[0.0]]),
        ({"0.5": {"0100": 2}, "1.5": {"0100": 2}}, [[0.5], [1.5]]),
        ([{"h": "0.5", "counts": {"0100": 2}}, {"h": 1, "counts": {"0100": 2}}], [[0.5], [1.0]]),
    ],
)
def test_layouts(write, document, theta):
    dataset = load(write(document), **LEFT)
    assert dataset.theta.tolist() == theta
    assert dataset.samples.tolist() == [[0, 1, 0, 0]] * 2 * len(theta)
    turned = load(write(document), site_order="right_to_left")
    assert turned.samples[0].tolist() == [0, 0, 1, 0]
    assert dataset.local_states.tolist() == [0.0, 1.0]  # the digits, until the recipe says more
    assert load(write(document), local_states=[1, -1], **LEFT).local_states.tolist() == [1, -1]


def test_jobs_without_settings(write):
    path = write([{"01": 1}, {"10": 2}])
    with pytest.raises(DataError, match="at which setting"):
        load(path, **LEFT)
    dataset = load(path, theta={"J": [3, 4]}, **LEFT)
    assert dataset.theta_names == ("J",) and dataset.samples.tolist() == [[0, 1]] + [[1, 0]] * 2


def test_large_counts_take_no_memory(write):
    dataset = load(write({"01": 10**15, "10": 1}), **LEFT)
    assert dataset.n_snapshots == 10**15 + 1 and dataset.configurations.shape == (2, 2)
    with pytest.raises(DataError, match="a count is a whole number"):
        load(write({"01": 10**17}), **LEFT)


def test_an_empty_setting_stays(write):
    dataset = load(write({"0.5": {"01": 2}, "1.0": {"01": 0}}), **LEFT)
    assert dataset.shots.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"01": 1, "011": 1}, ("one length", "'011'")),
        ({"01": 0.5}, ("whole number", "0.5", "probabilities")),
        ({"01": -1}, ("whole number", "-1")),
        ({"0a": 1, "01": 1}, ("string of digits", "'0a'")),
        ({"01": True}, ("whole number", "True")),
        ({"01": 0}, ("no snapshot is left",)),
        ([], ("no counts",)),
        ({}, ("no counts",)),
    ],
)
def test_refusals(write, document, words):
    with pytest.raises(DataError) as caught:
        load(write(document), loader="counts", **LEFT)
    for word in (*words, "counts.json"):
        assert word in str(caught.value)
