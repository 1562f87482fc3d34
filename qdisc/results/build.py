"""Groups of a result, made from plain arrays and texts.

Everything outside `/provenance` is the same for equal runs, so nothing here looks at a clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from qdisc.errors import ResultError
from qdisc.plugin import DataSpec, Variable
from qdisc.results.build_dataset import dataset_group, theta_variables
from qdisc.results.schema import CONVENTIONS, SCHEMA, STATUSES, Group, category
from qdisc.results.text import config_text, shorten

__all__ = [
    "analysis_group",
    "dataset_group",
    "model_group",
    "observable_group",
    "provenance_group",
    "result_group",
    "theta_variables",
    "training_group",
]


def model_group(
    plugin: str,
    version: str,
    config: Any,
    objective: str,
    params: Mapping[str, np.ndarray],
    data_spec: DataSpec,
    extra: Mapping[str, Any] | None = None,
) -> Group:
    """Group `/model`: enough to build the model again.

    Args:
        plugin: Name of the model plugin.
        version: Its version.
        config: Its configuration (a struct, a mapping, or TOML).
        objective: elbo, hvae, iwae, vimco or rws.
        params: Flat parameters, {"encoder/Dense_0/kernel": array}.
        data_spec: What the model was built for.
        extra: Further attributes.

    Raises:
        ResultError: A parameter's name is also the name of a group of parameters.
    """
    attrs = {
        "qdisc_type": "model",
        "plugin": plugin,
        "version": version,
        "config": config_text(config),
        "objective": objective,
        "data_spec": msgspec.json.encode(data_spec).decode(),
        "n_parameters": int(sum(np.size(array) for array in params.values())),
    }
    return Group({**attrs, **(extra or {})}, groups={"params": _params(params)})


def _params(params: Mapping[str, np.ndarray]) -> Group:
    variables: dict[str, Variable] = {}
    below: dict[str, dict[str, np.ndarray]] = {}
    for path, value in params.items():
        head, _, rest = path.partition("/")
        if rest:
            below.setdefault(head, {})[rest] = value
        else:
            array = np.asarray(value)
            # Axes of equal place and length share a dimension: the fewest names that are unique.
            dims = tuple(f"axis{i}_{n}" for i, n in enumerate(array.shape))
            variables[head] = Variable(array, dims, long_name=f"parameter {head}")
    groups = {name: _params(part) for name, part in below.items()}
    return Group({"qdisc_type": "parameters"}, variables, groups)


def training_group(
    loss: np.ndarray,
    terms: Mapping[str, np.ndarray],
    logvar: np.ndarray,
    kl: np.ndarray,
    stop_reason: str,
    seed: int | None,
    *,
    validation_loss: np.ndarray | None = None,
    message: str = "",
    config: Any = None,
    extra: Mapping[str, Any] | None = None,
) -> Group:
    """Group `/training`: one number per epoch, in nats per snapshot.

    Args:
        loss: (epochs,).
        terms: Terms of the loss, each (epochs,); stored as `terms(epoch, term)`, the names in
            `flag_meanings` of the scale `term`.
        logvar: (epochs, latents) mean log variance of the posterior.
        kl: (epochs, latents) KL divergence from the prior.
        stop_reason: Why training ended, one word.
        seed: The one seed of the run.
        validation_loss: (epochs,).
        message: The reason in words.
        config: TrainConfig.
        extra: Further attributes.
    """
    epochs = len(np.asarray(loss))
    columns = [np.asarray(terms[name]) for name in terms]
    table = np.stack(columns, axis=1) if columns else np.zeros((epochs, 0), np.float32)
    variables = {
        "epoch": Variable(
            np.arange(1, epochs + 1, dtype=np.int32), ("epoch",), long_name="epochs completed"
        ),
        "term": category(tuple(terms), "term", "term of the loss"),
        "loss": Variable(np.asarray(loss), ("epoch",), "nat", "loss per snapshot"),
        "terms": Variable(table, ("epoch", "term"), "nat", "terms of the loss"),
        "logvar": Variable(
            np.asarray(logvar), ("epoch", "latent"), long_name="mean log variance of the posterior"
        ),
        "kl": Variable(
            np.asarray(kl), ("epoch", "latent"), "nat", "KL divergence of the posterior"
        ),
    }
    if validation_loss is not None:
        variables["validation_loss"] = Variable(
            np.asarray(validation_loss), ("epoch",), "nat", "loss per held-out snapshot"
        )
    attrs: dict[str, Any] = {
        "qdisc_type": "training",
        "stop_reason": stop_reason,
        "message": message,
        "config": config_text(config),
        "signal": "loss",
    }
    if seed is not None:
        attrs["seed"] = seed
    return Group({**attrs, **(extra or {})}, variables)


def observable_group(
    name: str,
    theta_dims: Sequence[str],
    value: np.ndarray | None = None,
    std_error: np.ndarray | None = None,
    model_value: np.ndarray | None = None,
    model_std_error: np.ndarray | None = None,
    *,
    units: str = "1",
    long_name: str = "",
    dims: Sequence[str] = (),
    version: str = "",
    contract: str = "",
    status: str = "ok",
    message: str = "",
    coordinates: Mapping[str, Variable] | None = None,
) -> Group:
    """Group `/observables/<name>`: maps (theta..., extra dims) of the data and of the model.

    Args:
        name: Name of the plugin.
        theta_dims: Dimensions of the sweep, `dataset.theta_dims`.
        value: Mean over the snapshots of each setting; None when the observable failed.
        std_error: Its standard error.
        model_value: The same over samples of the model.
        model_std_error: Its standard error.
        units: Unit of all four.
        long_name: What is measured.
        dims: Names of the axes behind those of theta.
        version: Version of the plugin.
        contract: Contract it was written for.
        status: ok, skipped or failed.
        message: The reason, when it is not ok.
        coordinates: Scales of `dims`, when 0, 1, 2, ... is not what they are.
    """
    what = long_name or name.replace("_", " ")
    arrays = (
        ("value", value, f"{what}, data"),
        ("std_error", std_error, f"standard error of {what}, data"),
        ("model_value", model_value, f"{what}, model"),
        ("model_std_error", model_std_error, f"standard error of {what}, model"),
    )
    axes = (*theta_dims, *dims)
    variables = {
        key: Variable(np.asarray(array), axes, units, text)
        for key, array, text in arrays
        if array is not None
    }
    attrs = {
        "qdisc_type": "observable", "plugin": name, "version": version, "contract": contract,
        "status": _status(status, name), "message": message,
    }  # fmt: skip
    if value is not None:
        attrs["signal"] = "value"
    return Group(attrs, {**variables, **(coordinates or {})})


def analysis_group(
    name: str,
    *,
    version: str = "",
    contract: str = "",
    config: Any = None,
    status: str = "ok",
    message: str = "",
    variables: Mapping[str, Variable] | None = None,
    signal: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Group:
    """Group `/analyses/<name>`.

    Args:
        name: Name of the plugin.
        version: Its version.
        contract: Contract it was written for.
        config: Its configuration (a struct, a mapping, or TOML).
        status: ok, skipped or failed.
        message: The reason, when it is not ok; the traceback goes into `/provenance`.
        variables: What it found; one named like its only dimension is that dimension's scale.
        signal: The variable a viewer shows first. Default: the first that has dimensions.
        extra: Further attributes.

    Raises:
        ResultError: An unknown status.
    """
    variables = dict(variables or {})
    if signal is None:
        shown = (n for n, v in variables.items() if v.dims and v.dims != (n,))
        signal = next(shown, None)
    attrs: dict[str, Any] = {
        "qdisc_type": "analysis", "plugin": name, "version": version, "contract": contract,
        "config": config_text(config), "status": _status(status, name), "message": message,
    }  # fmt: skip
    if signal is not None:
        attrs["signal"] = signal
    return Group({**attrs, **(extra or {})}, variables)


def _status(status: str, name: str) -> str:
    if status not in STATUSES:
        raise ResultError(
            "unknown status", where=f"plugin {name}", value=status, hint=f"one of {STATUSES}"
        )
    return status


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
