"""Groups that describe how a model was made: its parameters and its training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from qdisc.plugin import DataSpec, Variable
from qdisc.results.schema import Group, category
from qdisc.results.text import config_text


def model_group(
    plugin: str,
    version: str,
    config: Any,
    objective: str,
    params: Mapping[str, np.ndarray],
    data_spec: DataSpec,
    extra: Mapping[str, Any] | None = None,
    objective_group: Group | None = None,
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
        objective_group: What the objective was told and what it learned, `/model/objective`.

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
    groups = {"params": _params(params)}
    if objective_group is not None:
        groups["objective"] = objective_group
    return Group({**attrs, **(extra or {})}, groups=groups)


def objective_group(
    name: str, config: Any, attrs: Mapping[str, Any], variables: Mapping[str, Variable]
) -> Group:
    """Group `/model/objective`.

    Args:
        name: elbo, hvae, iwae, vimco or rws.
        config: Its configuration.
        attrs: Numbers that it learned.
        variables: Arrays that it learned.
    """
    known = {"qdisc_type": "objective", "name": name, "config": config_text(config)}
    return Group({**known, **attrs}, variables)


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
