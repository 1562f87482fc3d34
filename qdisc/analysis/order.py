"""The order of plugins: topological over their needs, ties by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Node = tuple[str, str]
"""Kind and name of a plugin."""


def target(need: str) -> Node | None:
    """Plugin that a need names, None for parts of the run such as `model`."""
    kind, colon, rest = need.partition(":")
    return (kind, rest.partition("/")[0]) if colon else None


def targets(needs: Sequence[str]) -> set[Node]:
    """Plugins that some needs name."""
    return {node for need in needs if (node := target(need)) is not None}


def topological(
    needs: Mapping[Node, set[Node]], optional: Mapping[Node, set[Node]]
) -> tuple[list[Node], dict[Node, list[Node]]]:
    """Sort plugins so that each comes after what it needs.

    Optional needs are respected unless they would close a circle.

    Args:
        needs: Required needs of each plugin; plugins that are not keys are ignored.
        optional: Optional needs, likewise.

    Returns:
        The order, and for each plugin in a circle of required needs that circle.
    """
    circles = {node: circle for node in sorted(needs) if (circle := _circle(node, needs))}
    hard = {n: {m for m in needs[n] if m in needs and m not in circles} for n in needs}
    soft = {n: {m for m in optional.get(n, ()) if m in needs and m not in circles} for n in needs}
    waiting = set(needs) - set(circles)
    order: list[Node] = []
    done: set[Node] = set()
    while waiting:
        ready = [n for n in waiting if hard[n] <= done and soft[n] <= done]
        ready = ready or [n for n in waiting if hard[n] <= done]
        node = min(ready, key=lambda n: (n[0] != "observable", n[1]))
        waiting.remove(node)
        done.add(node)
        order.append(node)
    return order, circles


def _circle(start: Node, needs: Mapping[Node, set[Node]]) -> list[Node]:
    """Shortest way from a plugin through its needs back to itself, [] if there is none."""
    paths = [[start]]
    seen: set[Node] = set()
    while paths:
        path = paths.pop(0)
        for node in sorted(needs.get(path[-1], ())):
            if node == start:
                return [*path, start]
            if node in needs and node not in seen:
                seen.add(node)
                paths.append([*path, node])
    return []
