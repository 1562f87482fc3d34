"""`VAE`: a variational autoencoder with the manners of a scikit-learn transformer."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import jax
import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from qdisc.errors import ConfigError, DataError
from qdisc.estimators import programs
from qdisc.estimators.checks import check_finite, check_parameters, check_values
from qdisc.estimators.networks import MLP, Autoencoder
from qdisc.estimators.programs import Hyper, Network, State, in_blocks

_FLOATS: Any = (np.float64, np.float32)


class VAE(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Variational autoencoder of a table: rows in, a few latent numbers out.

    Maximises, by AdamW on minibatches, the evidence bound of every row x,

        log p(x) >= E_q(z|x) log p(x|z) - beta KL( q(z|x) || N(0, 1) ),   q = N(mu(x), sigma(x)^2),

    with log p(x|z) a proper log likelihood (constants and scales included), in nats, summed over
    features, averaged over rows. The bound holds at beta = 1. Numbers are computed in float32;
    outputs have the dtype of the input.

    Args:
        encoder: Flax module (rows, features) -> (rows, encoder_out_dim), before the two heads;
            None builds `hidden_layer_sizes`. Codes of categories arrive one-hot.
        decoder: Flax module (rows, latent_dim) -> what `default_dist` names: a mean, a pair
            (mean, scale), or logits; None builds `hidden_layer_sizes`, reversed, without a scale.
        encoder_out_dim: Width the encoder promises; None takes what it returns.
        latent_dim: Number of latents.
        beta: Weight of the KL.
        default_dist: Distribution of the observations. normal and laplace: a mean and a scale (1
            where the decoder gives none). bernoulli: logits, for features in [0, 1]. categorical:
            logits (rows, features, categories), for codes 0, 1, ...
        stochastic_transform: `transform` returns a draw of q(z|x) in place of its mean. The noise
            is a function of row and seed: neither order nor number of rows changes it, and equal
            rows get equal draws.
        hidden_layer_sizes: Widths of the built-in networks.
        lr: Learning rate.
        weight_decay: Decay of the parameters, times `lr` per step.
        batch_size: Rows per step; the last batch of an epoch holds what is left.
        max_epochs: Passes over the rows.
        validation_fraction: Share of the rows held out, to be followed in `history_`.
        random_state: Seed, RandomState or None.

    Attributes:
        params_: All parameters, nested dicts of NumPy arrays.
        fc_mu_: Head of the mean: dict of `kernel` (encoder_out_dim, latent_dim) and `bias`.
        fc_logvar_: Head of the log variance, likewise.
        history_: `train/loss`, `train/rec_loss`, `train/kl_loss` per epoch, nats per row, and
            `val/...` if rows are held out.
        n_iter_: Epochs done.
        n_features_in_: Columns.
        n_categories_: Codes that were seen, 0 unless categorical.

    Source: Kingma & Welling, arXiv:1312.6114; Higgins et al., ICLR 2017, for beta.
    """

    def __init__(
        self,
        encoder: Any = None,
        decoder: Any = None,
        encoder_out_dim: int | None = None,
        latent_dim: int = 2,
        beta: float = 1.0,
        default_dist: str = "normal",
        stochastic_transform: bool = False,
        *,
        hidden_layer_sizes: tuple[int, ...] = (64, 64),
        lr: float = 1e-3,
        weight_decay: float = 0.01,
        batch_size: int = 64,
        max_epochs: int = 100,
        validation_fraction: float = 0.0,
        random_state: Any = None,
    ) -> None:
        self.encoder = encoder
        self.decoder = decoder
        self.encoder_out_dim = encoder_out_dim
        self.latent_dim = latent_dim
        self.beta = beta
        self.default_dist = default_dist
        self.stochastic_transform = stochastic_transform
        self.hidden_layer_sizes = hidden_layer_sizes
        self.lr = lr
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    # -- fitting ---------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None) -> VAE:
        """Train on the rows of X.

        Args:
            X: (rows, features); codes where `default_dist` is categorical.
            y: Ignored.

        Returns:
            Itself.

        Raises:
            ConfigError: A parameter without meaning, or a network of the wrong shape.
            DataError: Values that `default_dist` cannot have produced.
            TrainingError: The loss is no longer finite.
        """
        check_parameters(self)
        rows = self._rows(X, reset=True)
        n_rows = len(rows)
        rng = check_random_state(self.random_state)
        self._seed = int(rng.randint(np.iinfo(np.int32).max))
        n_held = round(self.validation_fraction * n_rows)
        if n_held:
            if n_held == n_rows or n_rows < 2:
                raise ConfigError(
                    "no row is left to train on", where="validation_fraction",
                    value=self.validation_fraction, hint=f"there are {n_rows} rows",
                )  # fmt: skip
            rows = rows[rng.permutation(n_rows)]
        network, hyper = self._network(), self._hyper()
        state = programs.start(network, jax.random.key(self._seed))
        device = jax.device_put(programs.padded(rows, programs.capacity_for(n_rows)))
        chunks, done = [], 0
        while done < self.max_epochs:
            count = min(programs.EPOCHS, self.max_epochs - done)
            state, history = programs.train(
                network, int(self.batch_size), bool(n_held), state, device,
                np.int32(n_rows - n_held), np.int32(n_rows), hyper, np.int32(count),
            )  # fmt: skip
            chunks.append({name: np.asarray(v)[:count] for name, v in history.items()})
            check_finite(chunks[-1]["train/loss"], done)
            done += count
        self.history_ = {n: np.concatenate([c[n] for c in chunks]) for n in chunks[0]}
        self._keep(state)
        self.n_iter_ = done
        return self

    def init_state(self, X: Any) -> State:
        """The state that `fit` would start from: for loops of one's own around `training_step`.

        Args:
            X: Rows that say how many features and categories there are.
        """
        check_parameters(self)
        self._rows(X, reset=True)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        return programs.start(self._network(), jax.random.key(seed))

    def training_step(self, state: State, batch: Any) -> dict[str, jax.Array]:
        """Losses of one batch, a pure function: loss = rec_loss + beta kl_loss, nats per row.

        Args:
            state: From `init_state`, or any `State` with other parameters and another key; the
                gradient is taken with respect to `state.params`.
            batch: Rows (B, features).

        Returns:
            `loss`, `rec_loss`, `kl_loss`.
        """
        weights = np.ones(len(batch), np.float32)
        return programs.step_losses(
            self._network(), state.params, batch, weights, state.key, np.float32(self.beta)
        )

    def validation_step(self, state: State, batch: Any) -> dict[str, jax.Array]:
        """`training_step` on rows that are not trained on; noise of a stream of its own."""
        return self.training_step(state._replace(key=jax.random.fold_in(state.key, 1)), batch)

    # -- using -----------------------------------------------------------------------------

    def transform(self, X: Any) -> np.ndarray:
        """Latents (rows, latent_dim) of X: means of q(z|x), or draws (`stochastic_transform`)."""
        check_is_fitted(self)
        return self.transform_step(self._rows(X, reset=False)).astype(self._dtype(X), copy=False)

    def transform_step(self, batch: np.ndarray) -> np.ndarray:
        """`transform` of float32 rows that are checked already."""
        check_is_fitted(self)
        network = self._network()
        if self.stochastic_transform:
            key = jax.random.key(self._seed)
            return in_blocks(
                lambda block, _: programs.latents(network, self.params_, block, key), batch
            )
        return in_blocks(lambda block, _: programs.means(network, self.params_, block), batch)

    def inverse_transform(self, Z: Any) -> np.ndarray:
        """Rows (rows, features) that the decoder means at Z: means, probabilities, likely codes."""
        check_is_fitted(self)
        Z = check_array(Z, dtype=_FLOATS)
        if Z.shape[1] != self.latent_dim:
            raise DataError(
                "latents have latent_dim columns", where="inverse_transform", value=Z.shape,
                hint=f"(rows, {self.latent_dim})",
            )  # fmt: skip
        return self._decode(Z.astype(np.float32), False, self._seed).astype(Z.dtype, copy=False)

    def sample(
        self, n_samples: int = 1, *, observation_noise: bool = False, random_state: Any = None
    ) -> np.ndarray:
        """New rows: z from the prior N(0, 1), and what the decoder means there.

        Args:
            n_samples: How many.
            observation_noise: Draw from p(x|z) in place of its centre.
            random_state: Of this call; None takes the estimator's own.
        """
        check_is_fitted(self)
        if isinstance(n_samples, bool) or not isinstance(n_samples, Integral) or n_samples < 1:
            raise ConfigError("n_samples counts rows", where="n_samples", value=n_samples)
        rng = check_random_state(self.random_state if random_state is None else random_state)
        z = rng.standard_normal((n_samples, self.latent_dim)).astype(np.float32)
        return self._decode(z, observation_noise, int(rng.randint(np.iinfo(np.int32).max)))

    def score_samples(self, X: Any) -> np.ndarray:
        """Evidence bound of each row (rows,), nats, at beta = 1 whatever `beta` is.

        The mean over 32 draws of the noise, the same for all rows and all calls.
        """
        check_is_fitted(self)
        network, key = self._network(), jax.random.key(self._seed)
        rows = self._rows(X, reset=False)
        return in_blocks(
            lambda block, _: programs.bounds(network, self.params_, block, key), rows
        ).astype(np.float64)

    def score(self, X: Any, y: Any = None) -> float:
        """Mean of `score_samples`: larger is better, log p(x) per row is never exceeded."""
        return float(self.score_samples(X).mean())

    # -- inside ----------------------------------------------------------------------------

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def _n_features_out(self) -> int:
        return self.latent_dim

    def _rows(self, X: Any, *, reset: bool) -> np.ndarray:
        """X in float32, as `default_dist` can have it."""
        X = validate_data(self, X, dtype=_FLOATS, reset=reset)
        rows = check_values(X, self.default_dist, 2**16 if reset else self.n_categories_)
        whole = self.default_dist == "categorical"
        if reset:
            self.n_categories_ = max(2, int(rows.max()) + 1) if whole else 0
        return rows

    def _network(self) -> Network:
        hidden = tuple(int(width) for width in self.hidden_layer_sizes)
        features, categories = self.n_features_in_, self.n_categories_
        row = (features, categories) if categories else (features,)
        module = Autoencoder(
            MLP(hidden) if self.encoder is None else self.encoder,
            MLP(hidden[::-1], row) if self.decoder is None else self.decoder,
            int(self.latent_dim), features, categories, self.encoder_out_dim,
        )  # fmt: skip
        try:
            hash(module)
        except TypeError as error:
            raise ConfigError(
                "a network whose fields cannot be hashed cannot be compiled once",
                where="encoder, decoder", value=str(error),
                hint="give its fields tuples in place of lists and arrays",
            ) from error  # fmt: skip
        return Network(module, self.default_dist)

    def _hyper(self) -> Hyper:
        return Hyper(*(np.float32(v) for v in (self.beta, self.lr, self.weight_decay)))

    def _keep(self, state: State) -> None:
        self.params_ = jax.tree.map(np.asarray, state.params)
        self.fc_mu_, self.fc_logvar_ = self.params_["fc_mu"], self.params_["fc_logvar"]

    def _decode(self, z: np.ndarray, noisy: bool, seed: int) -> np.ndarray:
        network, key = self._network(), jax.random.key(seed)

        def program(block: Any, number: int) -> Any:
            own = jax.random.fold_in(key, number)
            return programs.decoded_rows(network, noisy, self.params_, block, own)

        return in_blocks(program, z)

    @staticmethod
    def _dtype(X: Any) -> Any:
        return np.float32 if getattr(X, "dtype", None) == np.float32 else np.float64
