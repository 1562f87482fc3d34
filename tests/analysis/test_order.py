from __future__ import annotations

from qdisc.analysis.order import target, targets, topological


def a(*names):
    return {("analysis", name) for name in names}


def order(needs, optional=None):
    nodes, circles = topological(
        {("analysis", k): a(*v) for k, v in needs.items()},
        {("analysis", k): a(*v) for k, v in (optional or {}).items()},
    )
    return [n for _, n in nodes], {k[1]: [n for _, n in v] for k, v in circles.items()}


def test_needs_are_read():
    assert target("model") is None
    assert target("analysis:clusters/label") == ("analysis", "clusters")
    assert targets(("model", "observable:m")) == {("observable", "m")}


def test_needs_first_ties_by_name():
    assert order({"c": [], "b": [], "a": ["c"]}) == (["b", "c", "a"], {})
    assert order({"a": ["not_installed"], "b": []})[0] == ["a", "b"]


def test_optional_needs_come_first_unless_they_close_a_circle():
    assert order({"a": [], "b": []}, {"a": ["b"]})[0] == ["b", "a"]
    assert order({"a": [], "b": ["a"]}, {"a": ["b"]})[0] == ["a", "b"]


def test_circles_are_found_and_dependants_still_have_a_place():
    nodes, circles = order({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["c"], "e": ["e"], "f": []})
    assert circles == {"a": list("abca"), "b": list("bcab"), "c": list("cabc"), "e": ["e", "e"]}
    assert nodes == ["d", "f"]


def test_observables_run_before_analyses():
    nodes, _ = topological({("analysis", "a"): set(), ("observable", "z"): set()}, {})
    assert nodes == [("observable", "z"), ("analysis", "a")]
