from __future__ import annotations

import numpy as np
import pytest

from qdisc.errors import ResultError
from qdisc.plugin import Variable
from qdisc.results.schema import Group, category, is_scale, join, parent


def test_walk_gives_parents_first_and_children_by_name():
    root = Group(groups={"b": Group(), "a": Group(groups={"z": Group()})})
    assert [path for path, _ in root.walk()] == ["/", "/a", "/a/z", "/b"]


def test_with_group_replaces_and_leaves_the_original():
    root = Group(groups={"a": Group({"x": 1})})
    changed = root.with_group("/a/new", Group({"y": 2})).with_group("/b", Group())
    assert changed.groups["a"].groups["new"].attrs["y"] == 2
    assert set(changed.groups) == {"a", "b"}
    assert not root.groups["a"].groups


@pytest.mark.parametrize("path", ["/missing/new", "/a/missing/new"])
def test_with_group_needs_the_parent(path):
    with pytest.raises(ResultError, match="no such group"):
        Group(groups={"a": Group()}).with_group(path, Group())
    with pytest.raises(ResultError, match="the root cannot be replaced"):
        Group().with_group("/", Group())


@pytest.mark.parametrize("name", ["a/b", "", ".", "-x", "a b", "é", "NAME", "x\n", 3])
@pytest.mark.parametrize("kind", ["attrs", "variables", "groups"])
def test_names_that_readers_stumble_over_are_refused(kind, name):
    with pytest.raises(ResultError, match="not a name that every reader understands"):
        Group(**{kind: {name: Group() if kind == "groups" else Variable(np.zeros(()), ())}})


def test_a_variable_and_a_group_cannot_share_a_name():
    with pytest.raises(ResultError, match="one name"):
        Group(variables={"a": Variable(np.zeros(()), ())}, groups={"a": Group()})


def test_category_numbers_its_words():
    term = category(("recon loss", "kl"), "term", "term of the loss")
    assert is_scale("term", term)
    assert term.attrs["flag_meanings"] == "recon_loss kl"
    assert term.attrs["flag_values"].tolist() == term.data.tolist() == [0, 1]


def test_paths():
    assert (join("/", "a"), join("/a", "b")) == ("/a", "/a/b")
    assert (parent("/a/b"), parent("/a"), parent("/")) == ("/a", "/", "/")
