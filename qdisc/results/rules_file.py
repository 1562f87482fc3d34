"""Rules about how the parts of a file fit together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

from qdisc.errors import ResultError
from qdisc.results import tree
from qdisc.results.findings import Finding
from qdisc.results.schema import join


def check_nxdata(group: h5py.Group, path: str, attrs: dict[str, Any]) -> Iterator[Finding]:
    """Signal and axes that viewers look for."""
    if attrs.get("NX_class") != "NXdata":
        return
    signal, axes = attrs.get("signal"), attrs.get("axes")
    shown = group.get(signal) if isinstance(signal, str) and signal else None
    if not isinstance(shown, h5py.Dataset):
        message = f"the signal {signal!r} is not a variable here"
        yield Finding("QD019", "ERROR", path, message, "name a variable of this group")
        return
    axes = [axes] if isinstance(axes, str) else axes
    dims = tree.attributes(shown).get("dims")
    if not isinstance(axes, list) or axes != dims:
        message = f"axes {axes}, but the dims of {signal} are {dims}"
        yield Finding("QD019", "ERROR", path, message, "axes are the dims of the signal")
        return
    for name in axes:
        if not isinstance(group.get(name), h5py.Dataset):
            message = f"the axis {name} is not in the group"
            yield Finding("QD019", "ERROR", path, message, "hard-link its scale into the group")


def check_theta(file: h5py.File) -> Iterator[Finding]:
    """The settings exist, are finite, and are the dimensions of the sweep."""
    dataset = file.get("dataset")
    if not isinstance(dataset, h5py.Group):
        return
    names = tree.attributes(dataset).get("theta_names")
    counts = dataset.get("n_snapshots")
    if not isinstance(names, list) or not names or not isinstance(counts, h5py.Dataset):
        message = "no theta_names, or no n_snapshots over them"
        yield Finding("QD020", "ERROR", "/dataset", message, "both describe the sweep")
        return
    full = [f"theta_{name}" for name in names]
    dims = tree.attributes(counts)["dims"]
    if dims not in (full, ["point"]):
        message = f"n_snapshots over {dims}, the settings are {full}"
        yield Finding("QD020", "ERROR", "/dataset/n_snapshots", message,
                      "all settings in order, or point")  # fmt: skip
        return
    for name in full:
        theta = file.get(name)
        wanted = ["point"] if dims == ["point"] else [name]
        if not isinstance(theta, h5py.Dataset):
            yield Finding("QD020", "ERROR", join("/", name), "the setting is missing")
        elif tree.attributes(theta)["dims"] != wanted:
            yield Finding("QD020", "ERROR", join("/", name), f"its dimension is not {wanted[0]}")
        elif not np.isfinite(tree.variable(theta).data).all():
            yield Finding("QD020", "ERROR", join("/", name), "a setting is not finite")


def check_maps(file: h5py.File) -> Iterator[Finding]:
    """Maps over the sweep are finite wherever there are snapshots."""
    counts = file.get("dataset/n_snapshots")
    if not isinstance(counts, h5py.Dataset):
        return
    sweep = tree.variable(counts)
    seen = sweep.data.reshape(-1) > 0
    for group in tree.walk(file):
        if str(group.name).split("/")[1] not in ("analyses", "observables"):
            continue
        for name, dataset in tree.own(group, h5py.Dataset):
            dims = tree.attributes(dataset)["dims"]
            if dataset.dtype.kind != "f" or dims[: len(sweep.dims)] != list(sweep.dims):
                continue
            try:
                values = tree.variable(dataset).data.reshape(seen.size, -1)
            except ResultError as error:
                yield Finding("QD001", "ERROR", join(str(group.name), name), error.what)
                continue
            bad = int((~np.isfinite(values).all(axis=1) & seen).sum())
            if bad:
                message = f"not finite at {bad} of {int(seen.sum())} settings with snapshots"
                yield Finding("QD021", "WARNING", join(str(group.name), name), message,
                              "NaN stands for settings without snapshots")  # fmt: skip
