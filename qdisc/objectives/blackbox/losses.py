"""The losses as functions of weights, and as objects that keep a history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qdisc.errors import ConfigError
from qdisc.objectives.blackbox import estimators
from qdisc.objectives.blackbox.networks import GenerativeModel, InferenceNetwork


class Aux(NamedTuple):
    """What stands beside a loss.

    Attributes:
        log_p: Joint log p(x, z), (rows, K).
        log_q: log q(z|x), (rows, K).
        bound: L = log 1/K sum f per row (rows,), nats: comparable between losses, the loss is not.
        ess: Effective number of samples per row (rows,).
    """

    log_p: jax.Array
    log_q: jax.Array
    bound: jax.Array
    ess: jax.Array


def awake(
    estimator: Callable[[jax.Array, jax.Array], jax.Array],
    weights: tuple[Any, Any],
    key: jax.Array,
    inf_net: InferenceNetwork,
    gen_model: GenerativeModel,
    data: list,
    n_samples: int,
    *,
    path: bool = False,
    reduction: str = "mean",
) -> tuple[jax.Array, Aux]:
    """A loss of data, pure in the weights.

    Args:
        estimator: One of `qdisc.objectives.blackbox.estimators`.
        weights: Of the inference network and of the generative model.
        key: Key of the samples.
        inf_net: q(z|x).
        gen_model: p(x, z).
        data: List of arrays, rows first.
        n_samples: Samples K per row.
        path: Let gradients pass through the samples.
        reduction: Over rows, mean or sum.

    Returns:
        The loss, and `Aux`.

    Raises:
        ConfigError: A log density of the wrong shape, or arguments without meaning.
    """
    _check(n_samples, reduction)
    inf_weights, gen_weights = weights
    params = inf_net.forward(inf_weights, data)
    latents = inf_net.draw(params, key, n_samples)
    if not path:
        latents = [lax.stop_gradient(z) for z in latents]
    log_q = inf_net.log_density(params, latents)
    log_p = gen_model.log_density(gen_model.forward(gen_weights, data, latents), data, latents)
    shape = (len(data[0]), n_samples)
    for name, value in (("inf_net", log_q), ("gen_model", log_p)):
        if value.shape != shape:
            raise ConfigError(
                "a log density is (rows, n_samples)", where=f"{name}.log_density",
                value=value.shape, hint=f"sum over all further axes: {shape}",
            )  # fmt: skip
    loss = getattr(jnp, reduction)(estimator(log_p, log_q))
    args = lax.stop_gradient(log_p), lax.stop_gradient(log_q)
    return loss, Aux(*args, estimators.bound(*args), estimators.effective_samples(*args))


def asleep(
    weights: tuple[Any, Any],
    key: jax.Array,
    inf_net: InferenceNetwork,
    gen_model: GenerativeModel,
    n_rows: int,
    *,
    reduction: str = "mean",
) -> tuple[jax.Array, None]:
    """- log q(z|x) of `n_rows` dreams (x, z) ~ p; unbiased for the model's joint, not for data."""
    _check(n_rows, reduction)
    data, latents = lax.stop_gradient(gen_model.draw(weights[1], key, n_rows))
    log_q = inf_net.log_density(inf_net.forward(weights[0], data), latents)
    return getattr(jnp, reduction)(estimators.sleep_phi(log_q)), None


class Loss:
    """A loss that keeps count: call it with data, or let `fit` train with it.

    Args:
        inf_net: q(z|x).
        gen_model: p(x, z).
        n_samples: Samples K per row.
        reduction: Over rows, mean or sum.
        key: Seed or key of the samples; every call uses a new one.

    Attributes:
        name: Of the loss.
        updates: What it trains: inf, gen or both.
        loss_history_: Of every call, floats.
        mean_log_p_: Mean joint log p of every call.
        mean_log_q_: Mean log q of every call.
    """

    name: ClassVar[str]
    updates: ClassVar[tuple[str, ...]] = ("inf", "gen")
    path: ClassVar[bool] = False
    estimator: ClassVar[Any]

    def __init__(
        self,
        inf_net: InferenceNetwork,
        gen_model: GenerativeModel,
        n_samples: int = 8,
        *,
        reduction: str = "mean",
        key: Any = 0,
    ) -> None:
        _check(n_samples, reduction)
        self.inf_net, self.gen_model = inf_net, gen_model
        self.n_samples = n_samples
        self.reduction = reduction
        self.key = jax.random.key(key) if isinstance(key, int) else key
        self.loss_history_: list[float] = []
        self.mean_log_p_: list[float] = []
        self.mean_log_q_: list[float] = []
        self._compiled = jax.jit(jax.value_and_grad(self.pure, has_aux=True))

    def pure(self, weights: tuple[Any, Any], key: jax.Array, data: list) -> tuple[Any, Any]:
        """(loss, Aux) as a function of weights and key: no history, no state."""
        return awake(
            type(self).estimator, weights, key, self.inf_net, self.gen_model, data,
            self.n_samples, path=self.path, reduction=self.reduction,
        )  # fmt: skip

    def value_and_grad(self, data: list) -> tuple[float, tuple[Any, Any]]:
        """The loss at the networks' present weights, noted down, and its gradient for both.

        The gradient of what `updates` does not name is zero.
        """
        self.key, key = jax.random.split(self.key)
        weights = self.inf_net.weights, self.gen_model.weights
        data = [jnp.asarray(part) for part in data]
        (loss, aux), (inf, gen) = self._compiled(weights, key, data)
        self.loss_history_.append(float(loss))
        if aux is not None:
            self.mean_log_p_.append(float(np.mean(aux.log_p)))
            self.mean_log_q_.append(float(np.mean(aux.log_q)))
        zero = lambda tree: jax.tree.map(jnp.zeros_like, tree)  # noqa: E731
        return self.loss_history_[-1], (
            inf if "inf" in self.updates else zero(inf),
            gen if "gen" in self.updates else zero(gen),
        )

    def __call__(self, data: list) -> float:
        """The loss of these data at the present weights."""
        return self.value_and_grad(data)[0]


class ELBO(Loss):
    """Evidence bound of reparametrised samples."""

    name, path, estimator = "elbo", True, staticmethod(estimators.reparametrised_elbo)


class ScoreELBO(Loss):
    """Evidence bound by the score function, with the mean of the other samples as baseline."""

    name, estimator = "score_elbo", staticmethod(estimators.score_function_elbo)


class IWAE(Loss):
    """Importance-weighted bound of reparametrised samples."""

    name, path, estimator = "iwae", True, staticmethod(estimators.iwae)


class VIMCO(Loss):
    """Importance-weighted bound of any samples; the loss is a surrogate, see `Aux.bound`."""

    name, estimator = "vimco", staticmethod(estimators.vimco)


class WakeTheta(Loss):
    """Generative model, weighted samples."""

    name, updates, estimator = "wake_theta", ("gen",), staticmethod(estimators.wake_theta)


class WakePhi(Loss):
    """Inference network, weighted samples."""

    name, updates, estimator = "wake_phi", ("inf",), staticmethod(estimators.wake_phi)


class SleepPhi(Loss):
    """Inference network, dreams; of the data only the number of rows counts."""

    name, updates = "sleep_phi", ("inf",)

    def pure(self, weights: tuple[Any, Any], key: jax.Array, data: list) -> tuple[Any, Any]:
        """(loss, None) of as many dreams as there are rows."""
        return asleep(
            weights, key, self.inf_net, self.gen_model, len(data[0]), reduction=self.reduction
        )


def _check(n_samples: Any, reduction: Any) -> None:
    if isinstance(n_samples, bool) or not isinstance(n_samples, int) or n_samples < 1:
        raise ConfigError(
            "samples are counted from 1", where="n_samples", value=n_samples, hint="n_samples=8"
        )
    if reduction not in ("mean", "sum"):
        raise ConfigError("unknown reduction", where="reduction", value=reduction, hint="mean, sum")
