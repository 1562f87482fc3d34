"""Commands `qdisc load` and `qdisc datasets`: what is in a file, and what can be made."""

from __future__ import annotations

import argparse
from typing import Any

from qdisc.cli.output import say, table, warn
from qdisc.cli.paths import output_file
from qdisc.errors import ConfigError


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Declare the commands of this module."""
    load = commands.add_parser(
        "load", parents=[common], help="say what a data file is understood to be",
        description="Read a data file and print what was understood; nothing is written.",
    )  # fmt: skip
    load.add_argument("file", metavar="FILE")
    load.add_argument("--loader", metavar="NAME", help="how to read it (default: guessed)")
    load.add_argument("--dry-run", action="store_true", help="print and stop (needed for now)")
    load.set_defaults(command=load_command)
    datasets = commands.add_parser("datasets", parents=[common], help="datasets of the catalogue")
    datasets.set_defaults(group=datasets)
    choice = datasets.add_subparsers(title="commands", metavar="COMMAND")
    listing = choice.add_parser("list", parents=[common], help="what there is")
    listing.set_defaults(command=list_command)
    make = choice.add_parser("make", parents=[common], help="generate a dataset from its recipe")
    make.add_argument("name", metavar="NAME")
    make.add_argument("-o", "--out", metavar="OUT.h5", help="default: NAME.h5 here")
    make.add_argument("--shots", type=int, metavar="N", help="snapshots per setting")
    make.set_defaults(command=make_command)


def load_command(arguments: argparse.Namespace) -> int:
    """Print what was understood of a data file."""
    if not arguments.dry_run:
        raise ConfigError(
            "`qdisc load` only looks at a file", where="qdisc load", value=arguments.file,
            hint=f"qdisc load {arguments.file} --dry-run, or qdisc run {arguments.file}",
        )  # fmt: skip
    import qdisc

    dataset = qdisc.load(arguments.file, loader=arguments.loader)
    for line in description(dataset, arguments.loader or ""):
        say(line)
    return 0


def description(dataset: Any, loader: str = "") -> list[str]:
    """Lines that say how a dataset was understood."""
    spec = dataset.spec
    loader = loader or str(dataset.source.get("loader", ""))
    shots = dataset.shots
    each = f"{shots.min()}" if shots.min() == shots.max() else f"{shots.min()} to {shots.max()}"
    empty = int((shots == 0).sum())
    shape = " x ".join(map(str, dataset.theta_shape)) if dataset.is_grid else "scattered"
    rows = [
        ("name", dataset.name or "unnamed"),
        ("loader", loader or "unknown"),
        ("bit order", _bit_order(loader)),
        ("data type", spec.data_type),
        ("sites", f"{spec.n_sites}" + _geometry(spec)),
        ("snapshots", f"{spec.n_snapshots}, {spec.n_configurations} stored configurations"),
        ("shots", f"{each} per setting" + (f", {empty} settings empty" if empty else "")),
        ("settings", f"{spec.n_points}, {'grid ' + shape if dataset.is_grid else shape}"),
    ]
    for n, (name, units) in enumerate(zip(spec.theta_names, spec.theta_units, strict=True)):
        rows.append((f"  theta {n}", _axis(dataset, n, name, units)))
    rows.append(("local states", _states(spec)))
    mean = _site_means(dataset)
    out = [f"{name + ':':<14}{value}" for name, value in rows]
    out.append("mean of each site over all snapshots (site: mean):")
    cells = [f"{site:>5}: {value:+.4f}" for site, value in enumerate(mean)]
    return out + ["".join(cells[i : i + 5]) for i in range(0, len(cells), 5)]


def list_command(arguments: argparse.Namespace) -> int:
    """List the catalogue."""
    from qdisc.physics.catalogue import list_datasets

    entries = list_datasets()
    rows = [(e.name, "yes" if e.data else "make", e.card.licence, e.card.title) for e in entries]
    say(table(("name", "data", "licence", "title"), rows))
    return 0


def make_command(arguments: argparse.Namespace) -> int:
    """Generate a dataset and write it."""
    from qdisc.physics.catalogue import find_dataset, make_dataset

    entry = find_dataset(arguments.name)
    out = output_file(arguments.out or f"{entry.name}.h5")
    warn(f"making {entry.name} ...")
    dataset = make_dataset(arguments.name, out=out, shots=arguments.shots)
    warn(repr(dataset))
    say(out)
    return 0


def _bit_order(loader: str) -> str:
    from qdisc.plugin import Registry

    registry = Registry()
    if loader in registry.names("loader"):
        found = registry.load("loader", loader)
        if found.obj is not None and found.obj.spec.site_order:
            return found.obj.spec.site_order
    return "column i of a snapshot is site i"


def _geometry(spec: Any) -> str:
    if spec.sites is None:
        return " (no positions: a chain)"
    dim = len(spec.sites[0])
    wraps = "".join(", periodic" if spec.periodic and any(spec.periodic) else "")
    return f" at positions in {dim} dimension{'s' if dim > 1 else ''}{wraps}"


def _axis(dataset: Any, n: int, name: str, units: str) -> str:
    values = dataset.thetas[n] if dataset.is_grid else dataset.theta[:, n]
    unit = "" if units in ("", "1") else f" {units}"
    count = f"{len(values)} values" if dataset.is_grid else "scattered"
    return f"{name}: {values.min():.6g} .. {values.max():.6g}{unit}, {count}"


def _states(spec: Any) -> str:
    if spec.data_type == "shadow":
        return "outcome 1 -> +1, 0 -> -1; basis 2, 3, 4 = X, Y, Z"
    if not spec.local_states:
        return "none (real numbers)"
    pairs = ", ".join(f"{code} -> {value:g}" for code, value in enumerate(spec.local_states))
    return pairs + (" (discrete half)" if spec.data_type == "hybrid" else "")


def _site_means(dataset: Any) -> Any:
    """Mean physical value of each site: the quickest way to see a reversed bit order."""
    import numpy as np

    rows, weights = dataset.configurations, dataset.weights
    if dataset.data_type == "shadow":
        rows = 2.0 * rows[:, 1::2] - 1.0
    elif dataset.data_type == "hybrid":
        rows = dataset.physical(rows)[:, : dataset.n_sites]
    else:
        rows = dataset.physical(rows)
    return np.average(np.asarray(rows, dtype=np.float64), axis=0, weights=weights)
