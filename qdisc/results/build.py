"""Groups of a result, made from plain arrays and texts.

Everything outside `/provenance` is the same for equal runs, so nothing here looks at a clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qdisc.plugin import Variable
from qdisc.results.build_dataset import dataset_group, theta_variables
from qdisc.results.build_maps import analysis_group, observable_group
from qdisc.results.build_run import model_group, objective_group, training_group
from qdisc.results.schema import CONVENTIONS, SCHEMA, Group
from qdisc.results.text import shorten

__all__ = [
    "analysis_group",
    "dataset_group",
    "model_group",
    "objective_group",
    "observable_group",
    "provenance_group",
    "result_group",
    "theta_variables",
    "training_group",
]


def provenance_group(
    *,
    created_at: str,
    duration_s: float,
    command: str,
    seed: int,
    config_toml: str,
    environment: Mapping[str, str],
    git: str = "",
    device: str = "",
    tracebacks: Mapping[str, str] | None = None,
) -> Group:
    """Group `/provenance`, the only one that may differ between equal runs.

    Args:
        created_at: ISO 8601, UTC.
        duration_s: Seconds.
        command: The command line.
        seed: The one seed of the run.
        config_toml: The complete recipe; stored as the attribute `config.toml`.
        environment: Names and versions of interpreter, platform and packages.
        git: `git describe` of the working folder.
        device: What the numbers were computed on.
        tracebacks: Of plugins that failed, by name; very long ones lose their middle.
    """
    attrs = {
        "qdisc_type": "provenance", "created_at": created_at, "duration_s": float(duration_s),
        "command": command, "seed": int(seed), "config.toml": config_toml, "git": git,
        "device": device,
    }  # fmt: skip
    kept = {name: shorten(text) for name, text in (tracebacks or {}).items()}
    groups = {
        "environment": Group({**environment, "qdisc_type": "environment"}),
        "tracebacks": Group({**kept, "qdisc_type": "tracebacks"}),
    }
    return Group(attrs, groups=groups)


def result_group(
    *,
    title: str,
    theta: Mapping[str, Variable],
    dataset: Group,
    provenance: Group,
    model: Group | None = None,
    training: Group | None = None,
    observables: Mapping[str, Group] | None = None,
    analyses: Mapping[str, Group] | None = None,
) -> Group:
    """Root of a result.

    Args:
        title: One line for people.
        theta: The settings, from `theta_variables`.
        dataset: From `dataset_group`.
        provenance: From `provenance_group`.
        model: From `model_group`.
        training: From `training_group`.
        observables: By name, from `observable_group`.
        analyses: By name, from `analysis_group`; a viewer opens `latent_map` first, else the
            first one that found something.
    """
    folders = {
        "observables": _folder("observables", observables or {}, ""),
        "analyses": _folder("analyses", analyses or {}, "latent_map"),
    }
    attrs: dict[str, Any] = {
        "qdisc_type": "result",
        "qdisc_schema": SCHEMA,
        "Conventions": CONVENTIONS,
        "title": title,
        "NX_class": "NXroot",
    }
    default = next((n for n in ("analyses", "observables") if "default" in folders[n].attrs), None)
    attrs["default"] = default or ("training" if training is not None else "dataset")
    parts = {"dataset": dataset, "model": model, "training": training, **folders}
    parts["provenance"] = provenance
    return Group(attrs, theta, {name: group for name, group in parts.items() if group is not None})


def _folder(kind: str, groups: Mapping[str, Group], favourite: str) -> Group:
    attrs: dict[str, Any] = {"qdisc_type": kind, "NX_class": "NXcollection"}
    shown = sorted(n for n, g in groups.items() if "signal" in g.attrs)
    if shown:
        attrs["default"] = favourite if favourite in shown else shown[0]
    return Group(attrs, groups=groups)
