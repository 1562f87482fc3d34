"""The scikit-learn face: `VAE`, an estimator with `fit` and `transform` for any table of numbers.

It needs scikit-learn (`pip install qdisc[sklearn]`), which is loaded when `VAE` is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["VAE"]

if TYPE_CHECKING:
    from qdisc.estimators.vae import VAE as VAE


def __getattr__(name: str) -> Any:
    if name != "VAE":
        raise AttributeError(f"module 'qdisc.estimators' has no attribute {name!r}")
    try:
        from qdisc.estimators.vae import VAE
    except ModuleNotFoundError as error:
        if error.name != "sklearn":
            raise
        raise ImportError(
            "qdisc.estimators.VAE needs scikit-learn: pip install 'qdisc[sklearn]'"
        ) from error
    return VAE
