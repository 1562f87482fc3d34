"""What `VAE` refuses: parameters without meaning, values that cannot have been observed."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np

from qdisc.errors import ConfigError, DataError, TrainingError
from qdisc.estimators.observation import check_distribution


def check_values(X: np.ndarray, kind: str, codes: int) -> np.ndarray:
    """X in float32, as observations of this kind can have it.

    Args:
        X: Rows of finite numbers.
        kind: The distribution.
        codes: Number of codes of categorical features.

    Raises:
        DataError: A value that is out of place.
    """
    with np.errstate(over="ignore"):
        rows = X.astype(np.float32)
    wrong = ~np.isfinite(rows)
    if kind == "bernoulli":
        wrong |= (rows < 0) | (rows > 1)
    if kind == "categorical":
        wrong |= (rows != np.floor(rows)) | (rows < 0) | (rows >= codes)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        hints = {
            "bernoulli": "bernoulli features lie in [0, 1]",
            "categorical": "categorical features are codes 0, 1, ... that fit has seen",
        }
        raise DataError(
            f"a value that {kind} observations cannot have", where=f"X[{row}, {column}]",
            value=float(X[row, column]), hint=hints.get(kind, "rescale X: float32 overflows"),
        )  # fmt: skip
    return rows


def check_parameters(model: Any) -> None:
    """Raise ConfigError for a parameter of `VAE` without meaning."""
    check_distribution(model.default_dist)
    for name in ("latent_dim", "batch_size", "max_epochs"):
        value = getattr(model, name)
        if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
            raise ConfigError(f"{name} is a whole number >= 1", where=name, value=value)
    for name, least in (("beta", 0.0), ("weight_decay", 0.0), ("lr", None)):
        value: Any = getattr(model, name)
        fine = _is_real(value)
        if not fine or (value < least if least is not None else value <= 0):
            wanted = ">= 0" if least is not None else "> 0"
            raise ConfigError(f"{name} is a number {wanted}", where=name, value=value)
    share: Any = model.validation_fraction
    if not _is_real(share) or not 0 <= share < 1:
        raise ConfigError("a share lies in [0, 1)", where="validation_fraction", value=share)
    for name in ("encoder", "decoder"):
        network = getattr(model, name)
        if network is not None and not callable(getattr(network, "apply", None)):
            raise ConfigError(
                f"{name} is a flax module, or None for the built-in one", where=name,
                value=network,
            )  # fmt: skip
    widths = model.hidden_layer_sizes
    if not isinstance(widths, tuple | list) or any(
        not isinstance(width, Integral) or width < 1 for width in widths
    ):
        raise ConfigError(
            "hidden_layer_sizes is a tuple of widths", where="hidden_layer_sizes", value=widths
        )


def check_finite(loss: np.ndarray, done: int) -> None:
    """Raise TrainingError if the loss of an epoch is not."""
    bad = np.flatnonzero(~np.isfinite(loss))
    if bad.size:
        raise TrainingError(
            "the loss is no longer finite", where=f"epoch {done + int(bad[0])}",
            value=float(loss[bad[0]]), hint="standardise the features, or a smaller lr",
        )  # fmt: skip


def _is_real(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(float(value))
