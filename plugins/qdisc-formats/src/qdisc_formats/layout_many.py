"""Files with one array per setting, named in a list or by a pattern.

samples = "/delta={delta:float:MHz}/shots"      # HDF5: theta in the names of the groups
samples = "data(*).shots"                       # MATLAB: theta beside each array
samples = ["low", "high"]                       # theta = {h = [0.1, 0.2]}
dims = ["shot", "site"]
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from qdisc import Dataset
from qdisc.errors import ConfigError, DataError

from qdisc_formats.codes import as_codes
from qdisc_formats.layout_axes import sites_of
from qdisc_formats.layout_dims import axes_of, listed, named, site_words
from qdisc_formats.layout_options import ArrayConfig, Arrays
from qdisc_formats.name_pattern import Pattern, natural
from qdisc_formats.options import SweepConfig
from qdisc_formats.report import Report
from qdisc_formats.settings import Job, settle, with_units
from qdisc_formats.sweep import merge

Chosen = tuple[list[tuple[str, dict[str, float]]], dict[str, str]]


def chosen(arrays: Arrays, samples: str | tuple[str, ...] | None) -> Chosen | None:
    """Names of the arrays and the numbers in them, and units; None when one array is meant.

    Raises:
        DataError: A pattern that no array matches, or that reads a name in two ways.
        ConfigError: A pattern that is none, or an empty list.
    """
    if isinstance(samples, tuple):
        if not samples or len(set(samples)) != len(samples):
            raise ConfigError("samples names arrays, each of them once", where="data.samples",
                              value=samples)  # fmt: skip
        return [(name, {}) for name in samples], {}
    if samples is None or not ("*" in samples or "{" in samples) or samples in arrays.shapes():
        return None
    pattern = Pattern(samples.strip("/"))
    found = [(name, pattern.match(name.strip("/"))) for name in arrays.shapes()]
    matching = [(name, fields) for name, fields in found if fields is not None]
    if not matching:
        raise DataError("no array of numbers matches the pattern", where="data.samples",
                        value=samples, hint=f"there are {listed(arrays)}")  # fmt: skip
    return sorted(matching, key=lambda pair: natural(pair[0])), pattern.units


def from_several(arrays: Arrays, found: Chosen, config: ArrayConfig, report: Report) -> Dataset:
    """The Dataset of arrays that are one setting each.

    Raises:
        DataError: Arrays with different sites, an axis of theta in one, settings that nothing
            tells apart.
        ConfigError: Options that are for a single array.
    """
    for key in ("mask", "mask_dims", "continuous"):
        if getattr(config, key) is not None:
            raise ConfigError("this option is for a single array", where=f"data.{key}",
                              value=getattr(config, key))  # fmt: skip
    names, units = found
    jobs: list[Job] = []
    rows: list[np.ndarray] = []
    first: tuple[str, list[str], tuple[int, ...]] | None = None
    for (name, fields), (raw, beside) in zip(
        names, arrays.described([name for name, _ in names]), strict=True
    ):
        array, dims = named(raw, config.dims, name)
        theta_axes, shot_axes, site_axes = axes_of(dims, name)
        if theta_axes:
            raise DataError("an axis of theta, where each array is one setting", value=dims,
                            where=f"{name}, dims",
                            hint="dims with site, x, y, z, shot, chain, _ only")  # fmt: skip
        shape = tuple(array.shape[n] for n in site_axes)
        first = first or (name, [dims[n] for n in site_axes], shape)
        if shape != first[2]:
            raise DataError("the arrays have different sites: they are not one sweep",
                            where=f"{first[0]} and {name}",
                            value=f"{first[2]} and {shape}")  # fmt: skip
        moved = array.transpose([*shot_axes, *site_axes])
        rows.append(moved.reshape(-1, math.prod(shape)))
        report.read += rows[-1].shape[0]
        jobs.append(Job(name, name.strip("/"), beside | fields))
    assert first is not None
    coded = as_codes(
        np.concatenate(rows), f"{names[0][0]} ... {names[-1][0]}, one after the other",
        data_type=config.data_type, local_states=config.local_states, values=config.values,
        one_based=config.one_based,
    )  # fmt: skip
    options, known = _sweep_options(arrays, config)
    said = "the names of the arrays" if any(fields for _, fields in names) else "the file"
    settings = settle(jobs, options, report, Path(), said)
    report.note(f"{len(jobs)} arrays, one setting each: axes {', '.join(config.dims or ())}")
    ends = np.cumsum([part.shape[0] for part in rows])[:-1]
    return merge(
        jobs, np.split(coded.rows, ends), with_units(settings, options, units | known), options,
        report, data_type=coded.data_type, local_states=coded.local_states,
        sites=sites_of(arrays, config, list(first[2])),
        source={"bit_order": f"site i: {site_words(first[1])}"},
    )  # fmt: skip


def _sweep_options(arrays: Arrays, config: ArrayConfig) -> tuple[SweepConfig, dict[str, str]]:
    """The options of a sweep, with the arrays that theta names read, and their units."""
    theta: dict[str, float | tuple[float, ...]] = {}
    known: dict[str, str] = {}
    for name, value in (config.theta or {}).items():
        if isinstance(value, str):
            if arrays.unit(value):
                known[name] = arrays.unit(value)
            value = tuple(np.asarray(arrays.read(value), np.float64).reshape(-1).tolist())
        theta[name] = value
    options = SweepConfig(
        theta=None if config.theta is None else dict(theta), theta_names=config.theta_names,
        theta_units=config.theta_units, periodic=config.periodic, name=config.name,
    )  # fmt: skip
    return options, known
