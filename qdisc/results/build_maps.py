"""Groups that hold what was found: observables and analyses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qdisc.errors import ResultError
from qdisc.plugin import Variable
from qdisc.results.schema import STATUSES, Group
from qdisc.results.text import config_text


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
