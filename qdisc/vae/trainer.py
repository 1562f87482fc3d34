"""The published face of training: `VAETrainer`, a thin and stateful shell.

Everything it does is done by `qdisc.train`, `qdisc.analysis` and `qdisc.show`; it only remembers
the state between calls, and speaks the names of the QDisc documentation.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qdisc.analysis.encode import encode
from qdisc.analysis.slices import slice_pair
from qdisc.config import TrainConfig
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ConfigError, DataError, TrainingError
from qdisc.train.fit import Epoch, Fit
from qdisc.train.loop import fit, init_state
from qdisc.train.optimiser import Optimizer, check_rate, injected
from qdisc.train.program import COLUMNS, Program

_log = logging.getLogger("qdisc.vae")
_EVERY = 10  # steps between two entries of the histories


class _Default(float):
    """The default learning rate; being an object of its own it can be told from a given one."""


_RATE = _Default(0.001)


class VAETrainer:
    """Trains a `VAEmodel` on a `Dataset` and maps its latents over theta.

    Args:
        model: A `VAEmodel`, or any model with `apply(variables, batch, key)`.
        dataset: The snapshots.
        optimizer: An optax factory (its rate is the `learning_rate` of `train`) or a configured
            transformation (which keeps its own).

    Attributes:
        state: Training state; `state.params` are the parameters. None before training.
        history_loss: Loss at every tenth step, nats.
        history_recon: Reconstruction loss at every tenth step, nats.
        history_logvar: Mean log variance per latent at every tenth step.
        latvar: The last latent map, see `compute_repr2d`.
        fit: The last `qdisc.train.Fit`.
    """

    def __init__(
        self, model: Any, dataset: Dataset, optimizer: Optimizer = optax.adabelief
    ) -> None:
        self.model, self.dataset, self.optimizer = model, dataset, optimizer
        self.state: Any = None
        self.history_loss: list[float] = []
        self.history_recon: list[float] = []
        self.history_logvar: list[np.ndarray] = []
        self.latvar: dict[str, Any] | None = None
        self.fit: Fit | None = None
        self._transform = injected(optimizer)
        self._programs: dict[tuple, Program] = {}

    # -- training ------------------------------------------------------------------------

    def init_state(self, key: jax.Array, sample_batch: Any = None) -> Any:
        """Initialise the parameters and return the state.

        Args:
            key: Random key.
            sample_batch: Kept for published code; shapes come from the dataset.
        """
        if sample_batch is not None and np.shape(sample_batch)[-1] != self.dataset.input_size:
            raise DataError(
                "the sample batch does not look like the dataset",
                where="sample_batch",
                value=np.shape(sample_batch),
                hint=f"rows of {self.dataset.input_size} columns",
            )
        self.state = init_state(self.model, self.dataset, self._transform, key)
        return self.state

    def train(
        self,
        num_epochs: int,
        batch_size: int,
        key: jax.Array,
        learning_rate: float = _RATE,
        beta: float = 1.0,
        gamma: float = 0,
        alpha: float = 0.0,
        printing_rate: int = 1,
        re_shuffle: bool = True,
    ) -> None:
        """Train, going on from the present state.

        Loss = reconstruction + beta KL + gamma TC; for hybrid data the reconstruction is
        alpha * discrete + (1 - alpha) * continuous.

        Args:
            num_epochs: Passes over the snapshots.
            batch_size: Snapshots per optimiser step; the last batch may be smaller.
            key: Random key; fixes every random number of this call.
            learning_rate: Step size of the optimiser.
            beta: Weight of the KL.
            gamma: Weight of the total correlation.
            alpha: Weight of the discrete half of hybrid data; 0 and 1 warn, since they drop a half.
            printing_rate: Epochs between two lines of the logger `qdisc.vae`.
            re_shuffle: Draw a new order of the snapshots in every epoch.

        Raises:
            ConfigError: A value without meaning.
            TrainingError: A loss or gradient that is not finite (the state then is the last good
                one), or a learning rate that the optimizer instance would ignore.
        """
        hybrid = self.dataset.data_type == "hybrid"
        config = TrainConfig(
            epochs=num_epochs,
            batch_size=batch_size,
            learning_rate=float(learning_rate),
            beta=float(beta),
            gamma=float(gamma),
            alpha=float(alpha) if hybrid else None,
        )
        if self.state is None:
            self.init_state(key)
        check_rate(self.state.opt_state, learning_rate is not _RATE, float(learning_rate))
        signature = (batch_size, config.gamma > 0)

        def report(epoch: Epoch) -> None:
            if printing_rate and epoch.epoch % printing_rate == 0:
                terms = ", ".join(f"{k} {v:.3f}" for k, v in epoch.terms.items())
                _log.info("epoch %d: loss %.3f, %s", epoch.epoch, epoch.loss, terms)

        run = fit(
            self.model, self.dataset, config, key=key, state=self.state, reshuffle=re_shuffle,
            optimizer=self._transform, program=self._programs.get(signature), callbacks=[report],
        )  # fmt: skip
        self._programs[signature] = run.program
        self.fit, self.state, self.latvar = run, run.state, None
        every = run.steps[::_EVERY]
        self.history_loss += every[:, COLUMNS.index("loss")].tolist()
        self.history_recon += every[:, COLUMNS.index("reconstruction")].tolist()
        self.history_logvar += list(every[:, -run.logvar.shape[1] :])
        if run.stop_reason == "not_finite":
            raise TrainingError(run.message, where="VAETrainer.train", value=config)

    def get_data(self) -> dict[str, Any]:
        """Return parameters, histories and the last latent map."""
        return {
            "params": self._params(),
            "history_loss": self.history_loss,
            "history_recon": self.history_recon,
            "history_logvar": self.history_logvar,
            "latvar": self.latvar,
        }

    # -- latent maps -----------------------------------------------------------------------

    def compute_repr2d(
        self,
        theta_pair: tuple[int, int] = (1, 0),
        values_other_thetas: Sequence[float] = (),
        return_latvar: bool = False,
    ) -> dict[str, Any] | None:
        """Average the latents over the shots of each setting.

        Args:
            theta_pair: The two theta axes of the map. A sweep with one axis ignores it.
            values_other_thetas: Value of each other axis, in the order of the axes; the nearest
                setting is taken.
            return_latvar: Return the map as well as storing it in `latvar`.

        Returns:
            `mu{i}`, `mu{i}_abs`, `logvar{i}` (i = 0 is the most informative latent), each of shape
            (len(theta[pair[0]]), len(theta[pair[1]])), `id_lat` (the model's latent behind each
            i), `theta_pair` and `values_other_thetas`.
        """
        axes = self.dataset.thetas
        table = encode(self.model, {"params": self._params()}, self.dataset)
        pair = (0,) if len(axes) == 1 else tuple(theta_pair)

        def cut(values: np.ndarray) -> np.ndarray:
            over_theta = self.dataset.to_theta(self.dataset.average(values))
            return slice_pair(over_theta, pair, tuple(values_other_thetas), axes)

        mu, mu_abs, logvar = (cut(v) for v in (table.mu, np.abs(table.mu), table.logvar))
        out: dict[str, Any] = {}
        for i in range(table.mu.shape[1]):
            out[f"mu{i}"] = mu[..., i]
            out[f"mu{i}_abs"] = mu_abs[..., i]
            out[f"logvar{i}"] = logvar[..., i]
        out["id_lat"] = np.asarray(table.order)
        out["theta_pair"] = pair
        out["values_other_thetas"] = tuple(values_other_thetas)
        self.latvar = out
        return out if return_latvar else None

    def plot_repr2d(
        self,
        latvar: dict[str, Any] | None = None,
        theta_pair: tuple[int, int] = (1, 0),
        subplot: bool = True,
    ) -> Any:
        """Draw the latent map; the axes are those it was computed for.

        Args:
            latvar: A map from `compute_repr2d`; the last one, or a new one, if left out.
            theta_pair: Axes of a new map. A map that exists knows its own.
            subplot: One figure with all panels; otherwise a list of figures.

        Returns:
            The figure, or the figures; shown as well when the backend is interactive.
        """
        from qdisc.show.latent import MOST_ROWS, latent_figure
        from qdisc.show.present import present
        from qdisc.show.sweep import Sweep

        if latvar is None:
            pair = (0,) if len(self.dataset.thetas) == 1 else tuple(theta_pair)
            if self.latvar is None or tuple(self.latvar["theta_pair"]) != pair:
                self.compute_repr2d(theta_pair)
            latvar = self.latvar
        assert latvar is not None
        chosen = [self.dataset.thetas[i] for i in latvar["theta_pair"]]
        names = [self.dataset.theta_names[i] for i in latvar["theta_pair"]]
        units = [self.dataset.theta_units[i] for i in latvar["theta_pair"]]
        count = len(latvar["id_lat"])
        keys = {"mu": "mu{}", "mu_abs": "mu{}_abs", "logvar": "logvar{}"}
        maps = {
            name: np.stack([latvar[key.format(i)] for i in range(count)], axis=-1)
            for name, key in keys.items()
        }
        sweep = Sweep.grid(chosen, names, units)
        groups = [range(min(count, MOST_ROWS))] if subplot else [[i] for i in range(count)]
        figures = [latent_figure(sweep, maps, list(group)) for group in groups]
        for figure in figures:
            present(figure)
        return figures[0] if subplot else figures

    def compute_and_plot_repr2d(
        self,
        theta_pair: tuple[int, int] = (1, 0),
        values_other_thetas: Sequence[float] = (),
        subplot: bool = True,
    ) -> Any:
        """Compute the latent map of a pair of axes and draw it."""
        self.compute_repr2d(theta_pair, values_other_thetas)
        return self.plot_repr2d(self.latvar, subplot=subplot)

    def plot_training(self, num_epochs: int) -> Any:
        """Draw loss, reconstruction and log variances against the epoch; return the figure."""
        from qdisc.show.present import present
        from qdisc.show.training import training_figure

        if not self.history_loss:
            raise TrainingError(
                "there is nothing to draw yet", where="VAETrainer.plot_training",
                hint="call train(...) first",
            )  # fmt: skip
        loss = np.asarray(self.history_loss)
        figure = training_figure(
            loss,
            {"reconstruction": np.asarray(self.history_recon)},
            logvar=np.asarray(self.history_logvar),
            active=list(range(len(self.history_logvar[0]))),
            step=np.linspace(0, num_epochs, loss.size, endpoint=False),
        )
        present(figure)
        return figure

    # -- reconstruction ----------------------------------------------------------------------

    def reconstruct_sample(self, input_samples: Any, key: jax.Array) -> np.ndarray:
        """Encode snapshots, draw a latent for each, and draw a snapshot from the decoder."""
        rows, bases = self._rows(input_samples)
        key_z, key_x = jax.random.split(key)
        variables = {"params": self._params()}
        mean, logvar = self.model.apply(variables, rows, method="encode")
        noise = jax.random.normal(key_z, mean.shape, mean.dtype)
        z = mean + jnp.exp(0.5 * logvar) * noise
        return np.asarray(self._sample(variables, z, key_x, bases))

    def get_cp(self, input_samples: Any) -> Any:
        """Log conditional probabilities of snapshots given their mean latent."""
        rows, _ = self._rows(input_samples)
        variables = {"params": self._params()}
        mean, _ = self.model.apply(variables, rows, method="encode")
        return jax.tree.map(np.asarray, self.model.apply(variables, mean, rows, method="decode"))

    def get_sample(self, latent_var: Any, key: jax.Array, shadows: Any = None) -> np.ndarray:
        """Draw one snapshot per latent vector.

        Args:
            latent_var: Latents (samples, latent_dim), in the model's own order.
            key: Random key.
            shadows: For shadow data the bases (samples, N), or shadows (samples, 2N) whose bases
                are used.
        """
        z = jnp.atleast_2d(jnp.asarray(latent_var, jnp.float32))
        bases = None
        if self.dataset.data_type == "shadow":
            if shadows is None:
                raise ConfigError(
                    "sampling shadows needs the bases", where="shadows", value=None,
                    hint="bases (samples, N), or shadows to take them from",
                )  # fmt: skip
            bases = jnp.atleast_2d(jnp.asarray(shadows))
            bases = bases[:, ::2] if bases.shape[1] == self.dataset.input_size else bases
        return np.asarray(self._sample({"params": self._params()}, z, key, bases))

    def _sample(self, variables: Any, z: Any, key: jax.Array, bases: Any) -> jax.Array:
        return self.model.apply(variables, z, key, bases, method="sample")

    def _rows(self, samples: Any) -> tuple[Any, Any]:
        rows = np.atleast_2d(np.asarray(samples))
        if rows.shape[1] != self.dataset.input_size:
            raise DataError(
                "the samples do not look like the dataset",
                where="input_samples",
                value=rows.shape,
                hint=f"rows of {self.dataset.input_size} columns",
            )
        rows = rows.astype(self.dataset.configurations.dtype)
        bases = jnp.asarray(rows[:, ::2]) if self.dataset.data_type == "shadow" else None
        return jnp.asarray(rows), bases

    def _params(self) -> Any:
        if self.state is None:
            raise TrainingError(
                "the model has no parameters yet", where="VAETrainer",
                hint="call train(...) or init_state(...) first",
            )  # fmt: skip
        return self.state.params
