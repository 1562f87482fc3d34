"""`python -m benchmarks [--small] [--only NAME] [--json OUT]`; others: see README.md."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import NAMES, machine, table
from benchmarks.measure import Row


def run(names: Sequence[str], small: bool) -> list[Row]:
    """All rows of some benchmarks; a result that is not equal to its naive form raises."""
    rows: list[Row] = []
    for name in names:
        for row in importlib.import_module(f"benchmarks.{name}").rows(small):
            rows.append(row)
            print(f"  {row.path}: {row.ratio:.1f}", file=sys.stderr, flush=True)
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, write JSON; 0 also when a target is missed (the table says so)."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments[:1] == ["profile"]:
        from benchmarks.demo_profile import main as profile

        return profile(arguments[1:])
    if arguments[:1] == ["soak"]:
        from benchmarks.soak import main as soak

        return soak(arguments[1:])
    if arguments[:1] == ["streaming"]:
        from benchmarks.streaming import main as streaming

        return streaming(arguments[1:])
    if arguments[:1] == ["devices"]:
        from benchmarks.devices import main as devices

        return devices(arguments[1:])
    if arguments[:1] == ["fuzz"]:
        from benchmarks.fuzz import main as fuzz

        return fuzz(arguments[1:])
    if arguments[:1] == ["write"]:
        from benchmarks.pages import main as write

        return write(arguments[1:])
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--small", action="store_true", help="toy sizes: equality, not speed")
    parser.add_argument("--only", action="append", choices=NAMES, metavar="NAME",
                        help=f"one of {', '.join(NAMES)}; may be repeated")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="OUT", help="write everything measured")
    options = parser.parse_args(arguments)
    if options.small:
        import jax

        # at toy size compiling is all there is: half the compiler's work gives the same numbers
        jax.config.update("jax_disable_most_optimizations", True)
    about = machine.describe()
    rate = machine.Matmul(256 if options.small else 2048).rate()
    about["matmul_gflops"] = round(rate / 1e9, 1)
    rows = run(options.only or NAMES, options.small)
    about["load_after"] = machine.describe()["load"]
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    print()
    print(table.as_text(rows))
    if options.json:
        text = json.dumps(table.as_json(rows, about, options.small), indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
