"""Forks processes that write a result file for ever, from one that never started jax.

    python tests/results/writers.py FILE

A line on stdin starts one; its id is printed, and its exit code when it is dead. Forked, so that a
writer writes at once; from here, because a fork of a process with jax's threads may deadlock.
"""

from __future__ import annotations

import itertools
import os
import sys
from dataclasses import replace

from qdisc.results.reader import read_tree
from qdisc.results.schema import Group
from qdisc.results.writer import write_result


def write_for_ever(path: str, tree: Group) -> None:
    """Write the tree again and again, with a number that grows."""
    for number in itertools.count(1):
        write_result(path, replace(tree, attrs={**tree.attrs, "number": number}))


def main(path: str) -> None:
    """Serve until stdin ends."""
    tree = read_tree(path)
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            write_for_ever(path, tree)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
