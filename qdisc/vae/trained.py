"""What a trained model can be asked for: latent maps, curves, probabilities and samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from qdisc.analysis.encode import latent_table
from qdisc.analysis.model import Model
from qdisc.dataset.checks import check_samples
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ConfigError, DataError, TrainingError
from qdisc.vae.maps import latent_figures, latent_maps, pair_of


class _DefaultPair(tuple[int, int]):
    """The default pair of axes; being an object of its own it can be told from a given one."""


_PAIR = _DefaultPair((1, 0))


class Trained:
    """The half of `VAETrainer` that reads its state and never changes it.

    Args:
        model: A model with `apply(variables, batch, key)`.
        dataset: The snapshots.
    """

    def __init__(self, model: Any, dataset: Dataset) -> None:
        self.model, self.dataset = model, dataset
        self.state: Any = None
        self.history_loss: list[float] = []
        self.history_recon: list[float] = []
        self.history_logvar: list[np.ndarray] = []
        self.latvar: dict[str, Any] | None = None
        self._view: Model | None = None
        self._viewed: tuple[Any, float | None] = (None, None)
        self._alpha: float | None = None  # of hybrid data, in the last training

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
        theta_pair: tuple[int, int] = _PAIR,
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
        dataset, others = self.dataset, tuple(float(v) for v in np.atleast_1d(values_other_thetas))
        pair = pair_of(dataset, theta_pair)
        table = latent_table(self._trained(), dataset)
        self.latvar = latent_maps(dataset, table, pair, others)
        return self.latvar if return_latvar else None

    def plot_repr2d(
        self,
        latvar: dict[str, Any] | None = None,
        theta_pair: tuple[int, int] = _PAIR,
        subplot: bool = True,
    ) -> Any:
        """Draw the latent map; the axes are those it was computed for.

        Args:
            latvar: A map from `compute_repr2d`; the last one, or a new one, if left out.
            theta_pair: Axes of a new map. A map that is given knows its own, and so does the last
                one when no pair is named. A new map of the same two axes keeps the values of the
                others.
            subplot: One figure with all panels; otherwise a list of figures.

        Returns:
            The figure, or the figures; shown as well when the backend is interactive.
        """
        from qdisc.show.present import present

        if latvar is None:
            last, pair = self.latvar or {}, pair_of(self.dataset, theta_pair)
            known = last.get("theta_pair", ())
            if not last or (theta_pair is not _PAIR and known != pair):
                others = last.get("values_other_thetas", ()) if set(known) == set(pair) else ()
                self.compute_repr2d(theta_pair, others)
            latvar = self.latvar
        assert latvar is not None
        figures = [present(figure) for figure in latent_figures(self.dataset, latvar, subplot)]
        return figures[0] if subplot else figures

    def compute_and_plot_repr2d(
        self,
        theta_pair: tuple[int, int] = _PAIR,
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
                "there is nothing to draw yet", where="plot_training",
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
        rows = self._rows(input_samples)
        key_z, key_x = jax.random.split(key)
        model = self._trained()
        if model.draws_latents:
            z = model.draw(rows, key_z)
        else:
            mean, logvar = model.encode(rows)
            noise = np.asarray(jax.random.normal(key_z, mean.shape, mean.dtype))
            z = mean + np.exp(0.5 * logvar) * noise
        bases = rows[:, ::2] if self.dataset.data_type == "shadow" else None
        return _signed(model.sample(z, key_x, bases))

    def get_cp(self, input_samples: Any) -> Any:
        """Log conditional probabilities of snapshots given their mean latent."""
        rows, model = self._rows(input_samples), self._trained()
        return model.decode(model.centre(rows, model.encode(rows)[0]), rows)

    def get_sample(self, latent_var: Any, key: jax.Array, shadows: Any = None) -> np.ndarray:
        """Draw one snapshot per latent vector.

        Args:
            latent_var: Latents (samples, latent_dim), in the model's own order.
            key: Random key.
            shadows: For shadow data the bases (samples, N), or shadows (samples, 2N) whose bases
                are used.
        """
        z = np.atleast_2d(np.asarray(latent_var, np.float32))
        bases = None
        if self.dataset.data_type == "shadow":
            if shadows is None:
                raise ConfigError(
                    "sampling shadows needs the bases", where="shadows", value=None,
                    hint="bases (samples, N), or shadows to take them from",
                )  # fmt: skip
            bases = np.atleast_2d(np.asarray(shadows))
            bases = bases[:, ::2] if bases.shape[1] == self.dataset.input_size else bases
        return _signed(self._trained().sample(z, key, bases))

    # -- helpers -----------------------------------------------------------------------------

    def _rows(self, samples: Any) -> np.ndarray:
        """Samples in the dataset's own dtype, checked like the dataset."""
        data = self.dataset
        rows = np.atleast_2d(np.asarray(samples))
        self._check_columns(rows.shape, "input_samples")
        return check_samples(
            rows, data.data_type, data.local_dimension, None, "input_samples"
        )[0]  # fmt: skip

    def _check_columns(self, shape: tuple[int, ...], where: str) -> None:
        if shape[-1:] != (self.dataset.input_size,):
            raise DataError(
                "these samples do not look like the dataset", where=where, value=f"shape {shape}",
                hint=f"rows of {self.dataset.input_size} columns",
            )  # fmt: skip

    def _trained(self) -> Model:
        """The model with its present parameters; what it compiled is kept."""
        params, alpha = self._params(), self._alpha
        if self._view is None or self._viewed[0] is not self.model or self._viewed[1] != alpha:
            module, self._viewed = self.model, (self.model, alpha)
            if alpha is not None and hasattr(module, "alpha"):  # it weighs the force as well
                module = module.clone(alpha=alpha)
            self._view = Model(module, {}, self.dataset.spec)
        self._view.variables = {"params": params}
        return self._view

    def _params(self) -> Any:
        if self.state is None:
            raise TrainingError(
                "the model has no parameters yet", where="VAETrainer",
                hint="call train(...) or init_state(...) first",
            )  # fmt: skip
        return self.state.params


def _signed(drawn: np.ndarray) -> np.ndarray:
    """Codes as signed integers, so that 2 x - 1 are spins; unsigned ones would wrap to 255."""
    return drawn.astype(np.int32) if drawn.dtype.kind == "u" else drawn
