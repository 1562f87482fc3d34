"""The trained model as symbolic regression needs it: mu(x), its map, the response of its sites."""

from __future__ import annotations

from typing import Any

import numpy as np
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ConfigError, DataError

from qdisc_symbolic.scores import auc


class Latent:
    """One latent variable of a trained model.

    Args:
        module: The model, `VAE_model`.
        params: Its parameters, or {"params": parameters}.
        dataset: The snapshots it was trained on.
        index: Number of the latent in the model's own order (`id_lat` of `compute_repr2d`
            translates); the most informative one when left out.

    Attributes:
        index: The number.
        values: Posterior mean of every configuration, (configurations,).
    """

    def __init__(self, module: Any, params: Any, dataset: Dataset, index: int | None) -> None:
        # importing qdisc.analysis starts jax, which a fit without a model does not need
        from qdisc.analysis.encode import latent_table
        from qdisc.analysis.model import Model

        if params is None:
            raise ConfigError("a model needs its parameters", where="VAE_params", value=None)
        params = params if "params" in params else {"params": params}
        self._model = Model(module, params, dataset.spec)
        self._dataset = dataset
        table = latent_table(self._model, dataset)
        n_latent = table.mu.shape[1]
        if index is not None and not 0 <= int(index) < n_latent:
            raise ConfigError("the model has no such latent", where="idx_mu_cluster", value=index,
                              hint=f"0..{n_latent - 1}")  # fmt: skip
        self._table = table
        self._use(int(table.order[0]) if index is None else int(index))

    def _use(self, index: int) -> None:
        column = int(np.flatnonzero(np.asarray(self._table.order) == index)[0])
        self.index = index
        self.values = np.asarray(self._table.mu[:, column], dtype=np.float64)

    def choose(self, inside: np.ndarray, outside: np.ndarray) -> None:
        """Turn to the active latent whose map best tells two groups of settings apart.

        Args:
            inside: (points,) mask.
            outside: (points,) mask.
        """
        from qdisc.train.fit import ACTIVE

        seen = self._dataset.shots > 0
        use = (inside | outside) & seen
        rate = self._table.rate
        columns = np.flatnonzero(rate > ACTIVE) if (rate > ACTIVE).any() else np.arange(1)
        told = []
        for column in columns:
            mu = self._dataset.average(np.abs(np.asarray(self._table.mu[:, column], np.float64)))
            told.append(abs(auc(mu[use], inside[use]) - 0.5))
        self._use(int(self._table.order[columns[int(np.argmax(told))]]))

    def mu(self, codes: np.ndarray) -> np.ndarray:
        """Posterior mean of the latent, (n,)."""
        return self._model.encode(codes)[0][:, self.index]

    def map(self) -> np.ndarray:
        """Mean of |mu| over the shots of each setting, (points,)."""
        return self._dataset.average(np.abs(self.values))

    def rate(self) -> np.ndarray:
        """Rate of each setting: mean of sum_k KL(q(z_k|x) || N(0, 1)) over shots, nats (points,).

        Neither the number of latents, nor their signs, nor a rotation among them matters.
        """
        return self._dataset.average(self._table.kl.sum(axis=1, dtype=np.float64))

    def response(self) -> np.ndarray:
        """u_i(x) = - d ln p(x_i = 0 | x_<i, z) / dz at z = mean of q(z|x), (configurations, sites).

        Exact derivatives by forward differentiation of the decoder.

        Raises:
            DataError: Not discrete data, which alone have p(x_i = 0).
        """
        import jax
        import jax.numpy as jnp

        if self._dataset.data_type != "discrete":
            raise DataError("conditional probabilities of codes need discrete data",
                            where="type_of_vk", value=self._dataset.data_type)  # fmt: skip
        model = self._model
        if not model.can_decode:
            raise ConfigError("the model has no decode(z, batch)", where="VAE_model",
                              value=model.name)  # fmt: skip

        @jax.jit
        def derivative(variables: Any, z: Any, x: Any) -> Any:
            along = jnp.zeros_like(z).at[:, self.index].set(1)

            def log_zero(z: Any) -> Any:
                return model.module.apply(variables, z, x, method="decode")[..., 0]

            return -jax.jvp(log_zero, (z,), (along,))[1]

        rows, out = self._dataset.configurations, []
        for start in range(0, len(rows), model.chunk):
            x = rows[start : start + model.chunk]
            fill = model.chunk - len(x) if start else 0  # one shape, one compilation
            padded = np.concatenate([x, np.repeat(x[-1:], fill, axis=0)]) if fill else x
            z = jnp.asarray(model.encode(padded)[0])
            out.append(np.asarray(derivative(model.variables, z, jnp.asarray(padded)))[: len(x)])
        return np.concatenate(out).astype(np.float64)
