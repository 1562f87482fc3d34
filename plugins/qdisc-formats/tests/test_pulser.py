"""Pulser: times as theta, the order of the atoms, several results, live results."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from qdisc import load
from qdisc.errors import DataError
from qdisc.testing import check_plugin

from qdisc_formats import from_pulser
from qdisc_formats.pulser import loader

ODD = [1, 0, 0, 0, 0, 0]


def test_the_contract(golden):
    check_plugin(loader, file=golden("pulser_results.json"))


def test_times_are_theta_in_ns(golden):
    dataset = load(golden("pulser_results.json"))
    assert dataset.theta_names == ("time",) and dataset.theta_units == ("ns",)
    assert dataset.theta[:, 0].tolist() == [500.0, 1000.0]
    means = dataset.average(dataset.configurations)
    assert means[1].tolist() == ODD and 0 < means[0, 0] < 1  # half way: half a flip
    assert dataset.local_states.tolist() == [0.0, 1.0]
    last = load(golden("pulser_results.json"), times="last")
    assert last.samples.tolist() == [ODD] * 20 and last.theta.tolist() == [[0.0]]


def test_several_results(golden):
    path = golden("pulser_sweep.json")
    with pytest.raises(DataError, match="at which setting"):
        load(path)
    dataset = load(path, theta={"area": [1.57, 3.14]})
    assert dataset.average(dataset.configurations)[1].tolist() == ODD


def test_results_are_not_merged_over_times(golden, tmp_path):
    """Two results with the same times: the times alone must not make them one setting each."""
    one = json.loads(golden("pulser_results.json").read_text())
    path = tmp_path / "both.json"
    path.write_text(json.dumps([one, one]))
    with pytest.raises(DataError, match="do not say in what"):
        load(path)


def test_the_order_of_the_atoms(golden, tmp_path):
    dataset = load(golden("pulser_registers.json"))  # atoms b, a, c; X on b
    assert dataset.samples[0].tolist() == [1, 0, 0]
    assert "atoms b, a, c" in dataset.source["notes"]
    first = json.loads(golden("pulser_registers.json").read_text())
    second = json.loads(json.dumps(first))
    second["atom_order"] = ["a", "c", "b"]
    (name,) = second["results"]
    second["results"][name] = [{"001": 20}]
    path = tmp_path / "both.json"
    path.write_text(json.dumps([first, second]))
    both = load(path, theta={"run": [0, 1]})
    assert both.samples.tolist() == [[1, 0, 0]] * 40
    second["atom_order"] = ["a", "c", "d"]
    path.write_text(json.dumps([first, second]))
    with pytest.raises(DataError, match="different atoms"):
        load(path, theta={"run": [0, 1]})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(tagmap={}), ("no bit strings", "BitStrings")),
        (lambda d: d["tagmap"].update(bitstrings_2="x"), ("several kinds", "tag = ")),
        (lambda d: d["atom_order"].append("q9"), ("one character per atom", "7 atoms")),
        (lambda d: next(iter(d["results"].values())).pop(), ("one set of bit strings per time",)),
        (lambda d: next(iter(d["results"].values()))[0].update({"10": 1}), ("one length", "'10'")),
    ],
)
def test_refusals(golden, tmp_path, change, words):
    document = json.loads(golden("pulser_results.json").read_text())
    change(document)
    path = tmp_path / "edited.json"
    path.write_text(json.dumps(document))
    with pytest.raises(DataError) as caught:
        load(path)
    for word in (*words, "edited.json"):
        assert word in str(caught.value)


def test_live_results_by_their_method(golden):
    text = golden("pulser_registers.json").read_text()
    live = SimpleNamespace(to_abstract_repr=lambda: text)
    assert from_pulser(live).samples.tolist() == [[1, 0, 0]] * 20
    with pytest.raises(DataError, match="no result of Pulser"):
        from_pulser([3])
