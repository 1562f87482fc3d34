from __future__ import annotations

import numpy as np
import pytest

from qdisc.errors import ResultError
from qdisc.plugin import Variable
from qdisc.results.diff import diff_trees
from qdisc.results.layout import layout
from qdisc.results.schema import Group


def var(*dims_and_sizes):
    dims, sizes = dims_and_sizes[::2], dims_and_sizes[1::2]
    return Variable(np.zeros(sizes), dims)


def test_a_dimension_without_values_is_numbered_where_it_is_used():
    out = layout(Group(groups={"a": Group(variables={"x": var("bin", 3)})}))
    scale = out.groups["a"].variables["bin"]
    assert scale.data.tolist() == [0, 1, 2] and scale.dims == ("bin",)
    assert scale.long_name == "index along bin"


def test_the_scale_of_two_groups_lies_above_both():
    pair = {"x": Group(variables={"v": var("r", 2)}), "y": Group(variables={"v": var("r", 2)})}
    out = layout(Group(groups={"analyses": Group(groups=pair), "other": Group()}))
    assert "r" in out.groups["analyses"].variables
    assert "r" not in out.groups["analyses"].groups["x"].variables
    assert not out.variables


@pytest.mark.parametrize("dim", ["latent", "site", "epoch", "term", "point", "theta_h"])
def test_dimensions_of_the_whole_file_lie_in_the_root(dim):
    out = layout(Group(groups={"a": Group(variables={"x": var(dim, 2)})}))
    assert dim in out.variables and dim not in out.groups["a"].variables


def test_values_given_in_one_group_serve_the_other():
    given = Variable(np.array([1.0, 2.5]), ("r",), "um", "distance")
    groups = {
        "a": Group(variables={"r": given, "x": var("r", 2)}),
        "b": Group(variables={"x": var("r", 2)}),
    }
    out = layout(Group(groups=groups))
    assert out.variables["r"].data.tolist() == [1.0, 2.5] and out.variables["r"].units == "um"


def test_one_name_for_two_things_renames_the_later_one():
    groups = {
        "a": Group(variables={"x": var("k", 2)}),
        "b": Group({"signal": "x"}, {"x": var("k", 3)}),
        "c": Group(variables={"k": Variable(np.array([5.0, 7.0]), ("k",)), "x": var("k", 2)}),
    }
    out = layout(Group(groups=groups)).groups
    assert out["a"].variables["x"].dims == ("k",)
    assert out["b"].variables["x"].dims == ("b_k",) and out["b"].attrs["axes"] == ["b_k"]
    assert out["c"].variables["x"].dims == ("c_k",)
    assert out["c"].variables["c_k"].data.tolist() == [5.0, 7.0]


def test_a_dimension_never_takes_the_name_of_something_else():
    inner = Group(variables={"label": var("theta_h", 2), "weight": var("label", 3)})
    out = layout(Group(groups={"a": inner, "deep": Group(variables={"x": var("a", 4)})}))
    assert out.groups["a"].variables["weight"].dims == ("a_label",)
    assert out.groups["deep"].variables["x"].dims == ("deep_a",)


def test_two_sizes_in_one_group_are_an_error_that_names_the_place():
    group = Group(variables={"x": var("k", 2), "y": var("k", 3)})
    with pytest.raises(ResultError, match=r"two sizes in one group\n  where: /a/y\n.*3 here, 2"):
        layout(Group(groups={"a": group}))


def test_a_signal_must_exist():
    with pytest.raises(ResultError, match=r"(?s)signal is not a variable.*variables here: x"):
        layout(Group({"signal": "mu"}, {"x": var("k", 2)}))


@pytest.mark.parametrize("dim", ["a b", "", "x/y"])
def test_dimension_names_are_checked(dim):
    with pytest.raises(ResultError, match="not a name that every reader understands"):
        layout(Group(variables={"x": var(dim, 2)}))


def test_laying_out_twice_changes_nothing(tree):
    once = layout(tree)
    assert diff_trees(once, layout(once)) == []
