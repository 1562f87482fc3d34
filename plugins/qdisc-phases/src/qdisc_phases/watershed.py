"""Basins of a landscape on a graph: how deep each one is, and which setting drains into which.

Water rises over the settings: every minimum starts a basin, and two basins meet at the lowest pass
between them. There the shallower one, whose floor is higher, ends; the pass over its floor is its
depth (0-dimensional persistence of the sublevel sets). The basins that count are then grown from
their floors along the edges, shortest first: the cut between two of them is where the way from one
floor to the other has its longest edge (watershed cuts, Cousty et al., IEEE Trans. Pattern Anal.
Mach. Intell. 31, 1362, 2009).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Merges:
    """Where basins meet, deepest first.

    Attributes:
        lowest: Node of the lowest point of all.
        floor: Node of the lowest point of the basin that ends, (m,).
        depth: log(landscape at the pass / at the floor), (m,).
    """

    lowest: int
    floor: np.ndarray
    depth: np.ndarray

    def floors(self, count: int) -> np.ndarray:
        """Floors of the `count` deepest basins, the lowest point's first."""
        return np.concatenate([[self.lowest], self.floor[: count - 1]]).astype(int)


def merges(height: np.ndarray, edges: np.ndarray) -> Merges:
    """All merges of basins with a depth above zero.

    Args:
        height: Positive landscape on the nodes of a connected graph, (n,).
        edges: (E, 2) neighbouring nodes.
    """
    order = np.argsort(height, kind="stable")
    rank = np.empty(height.size, int)
    rank[order] = np.arange(height.size)
    top = np.where(rank[edges[:, 0]] > rank[edges[:, 1]], edges[:, 0], edges[:, 1])
    parent = np.arange(height.size)  # the root of a basin is its floor
    found: list[tuple[float, int]] = []
    for e in np.argsort(rank[top], kind="stable"):
        a, b = (_find(parent, int(node)) for node in edges[e])
        if a == b:
            continue
        if rank[a] > rank[b]:
            a, b = b, a
        parent[b] = a
        depth = float(np.log(height[top[e]] / height[b]))
        if depth > 0:
            found.append((depth, b))
    found.sort(key=lambda pair: (-pair[0], pair[1]))
    return Merges(int(order[0]), np.array([b for _, b in found], int),
                  np.array([d for d, _ in found], float))  # fmt: skip


def grown(floors: np.ndarray, edges: np.ndarray, length: np.ndarray, n: int) -> np.ndarray:
    """Label every node with the floor it is grown from, int (n,).

    Args:
        floors: Nodes that start a basin; basin i grows from floors[i].
        edges: (E, 2) neighbouring nodes of a connected graph.
        length: (E,) how different the two ends are.
        n: Number of nodes.
    """
    parent, owner = np.arange(n), np.full(n, -1)
    owner[floors] = np.arange(len(floors))
    for e in np.argsort(length, kind="stable"):
        a, b = (_find(parent, int(node)) for node in edges[e])
        if a == b or (owner[a] >= 0 and owner[b] >= 0):
            continue
        if owner[a] < 0:
            a, b = b, a
        parent[b] = a
    return np.array([owner[_find(parent, node)] for node in range(n)])


def _find(parent: np.ndarray, node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = int(parent[node])
    return node
