"""The Hamiltonian variational autoencoder: a path of leapfrog steps between encoder and decoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qdisc.nn.dynamics import Dynamics
from qdisc.nn.evidence import row_noise
from qdisc.nn.hvae_checks import check_arguments, kind_of
from qdisc.nn.hvae_parts import Encoded, HVAEOutput, Parts, free
from qdisc.nn.sampling import per_row
from qdisc.objectives.hamiltonian import (
    Noise,
    PhaseSpace,
    Sample,
    hamiltonian_sample,
    log_standard_normal,
)
from qdisc.objectives.hybrid import hybrid_weights
from qdisc.objectives.likelihood import reconstruction_nll
from qdisc.objectives.row_bound import RowBound

__all__ = ["HVAE", "Encoded", "HVAEOutput"]


class HVAE(Parts):
    """A Hamiltonian VAE around any model that encodes and decodes.

    z_0 ~ q(z|x) and a momentum rho_0 ~ N(0, 1/beta0) follow Hamilton's equations of the potential
    U(z) = -log p(x|z) - log p(z) for K leapfrog steps, the momentum being cooled after each. The
    path has a known volume, so z_K is a sample of a better approximate posterior, with an exact
    evidence bound. `qdisc.objectives.hamiltonian` has the formulas. Rows come first in all arrays.

    Attributes:
        vae: The model; `encode(x)` and `decode(z, x)`, as `VAEmodel` has them.
        steps: Leapfrog steps K; 0 is the plain model.
        step_size: Of a step, at the start if learned: a number, (L,) per latent, (K, 1) per step,
            or (K, L).
        beta0: Inverse temperature of the first momentum, at the start if learned; in (0, 1].
        tempering: quadratic, quadratic_temperature, null, free (each factor is learned; starts
            as quadratic), or a function (beta0, k, n_steps) -> beta_k.
        learn_step_size: Train the step sizes, within (0, max_step_size).
        learn_beta0: Train beta0 (or the free factors), within (0, 1); 1 stays 1.
        max_step_size: The paper's cap.
        step_size_per: What learns a step size of its own: all, latent, step, both.
        grad_method: autodiff, exact at every order; jvp, finite_central, finite_forward as checks;
            autodiff_stop as an approximation with a bias, see `grad_potential_energy`.
        remat: Recompute the steps backwards: less memory, more time.
        latent: What maps show: z_final (centre and spread of z_K) or encoder_mean (of z_0).
        alpha: Weight of the discrete half of hybrid data in the potential; None for both.
        data_type: What the columns mean; the decoder's own if left out.
        log_prior: z -> log p(z) per row; standard normal if left out. The momentum stays normal.

    Raises:
        ConfigError: A value without meaning.

    Source: Caterini, Doucet & Sejdinovic, arXiv:1805.11328.
    """

    vae: Any
    steps: int = 3
    step_size: Any = 0.05
    beta0: float = 0.3
    tempering: Any = "quadratic"
    _: KW_ONLY
    learn_step_size: bool = True
    learn_beta0: bool = True
    max_step_size: float = 0.5
    step_size_per: str = "all"
    grad_method: str = "autodiff"
    remat: bool = False
    latent: str = "z_final"
    alpha: float | None = None
    data_type: str | None = None
    log_prior: Callable | None = None
    keys_per_row = True  # sample, draw and log_weights take one key per row; no field

    def __post_init__(self) -> None:
        """Refuse what has no meaning; arrays become tuples, so that equal modules are equal."""
        check_arguments(self)
        object.__setattr__(self, "step_size", _tuples(np.asarray(self.step_size).tolist()))
        super().__post_init__()

    def setup(self) -> None:
        """Create the learned step sizes and temperatures."""
        self.dynamics = Dynamics(
            self.steps, self.step_size, self.beta0, self.tempering,
            learn_step_size=self.learn_step_size, learn_beta0=self.learn_beta0,
            max_step_size=self.max_step_size, per=self.step_size_per,
        )  # fmt: skip

    # -- the model's face ------------------------------------------------------------------

    def __call__(self, batch: jax.Array, key: jax.Array, return_latent: bool = False) -> Any:
        """Encode, follow the path, decode.

        Args:
            batch: Samples (B, columns).
            key: Key of the noise.
            return_latent: Return an `HVAEOutput` instead.

        Returns:
            mean, logvar (B, L) of q(z_0|x), z_final (B, L), and what `decode` returns there.
        """
        mean, logvar = self.encode(batch)
        if self.is_initializing():  # no path: it would need what is only being made
            z = mean
            cp = self.decode(z, batch)
            self.dynamics(mean.shape[1], mean.dtype)
            ends = PhaseSpace(z, z, z, z, jnp.zeros((), z.dtype))
        else:
            path = self.follow(batch, mean, logvar, key).path
            ends, cp = path.phase_space, path.decoded
        if return_latent:
            return HVAEOutput(Encoded(mean, logvar), cp, ends)
        return mean, logvar, ends.z_final, cp

    def encode(self, batch: jax.Array) -> Any:
        """Mean and log variance of q(z_0|x), (B, L) each."""
        return self.vae.encode(batch)

    def decode(self, z: jax.Array, batch: jax.Array) -> Any:
        """Log conditional probabilities of `batch` given z (B, L), a z_final."""
        return self.vae.decode(z, batch)

    def sample(self, z: jax.Array, key: jax.Array, *bases: Any) -> jax.Array:
        """Draw one snapshot per latent vector, as the model within does."""
        if not per_row(key) or getattr(self.vae, "keys_per_row", False):
            return self.vae.sample(z, key, *bases)
        vae, variables = self.vae.unbind()

        def one(key: Any, *row: Any) -> Any:
            z, *bases = (value[None] for value in row)
            return vae.apply(variables, z, key, *bases, method="sample")[0]

        return jax.vmap(one)(key, z, *bases)

    def label_probs(self, batch: jax.Array) -> jax.Array:
        """Probabilities of a discrete latent, where the model within has one."""
        return self.vae.label_probs(batch)

    # -- the path --------------------------------------------------------------------------

    def follow(
        self,
        batch: jax.Array,
        mean: jax.Array,
        logvar: jax.Array,
        key: jax.Array | Noise,
        hybrid: Any = None,
        **weights: Any,
    ) -> Sample:
        """One sample of the bound per row of a batch that is encoded already.

        Args:
            batch: Samples (B, columns).
            mean: Mean of q(z_0|x).
            logvar: Log variance of q(z_0|x).
            key: A key, one key per row, or the `Noise` itself.
            hybrid: Weights (w_d, w_c) of the halves of hybrid data; those of `alpha` if left out.
            **weights: logp_weights, logq_weights of `hamiltonian_sample`.
        """
        if not isinstance(key, Noise):
            key = row_noise(key, mean.shape, mean.dtype)
        sizes, betas = self.dynamics(mean.shape[1], mean.dtype)
        return hamiltonian_sample(
            self.likelihood(batch, hybrid), mean, logvar, key, sizes, betas,
            self.prior, self.grad_method, remat=self.remat, **weights,
        )  # fmt: skip

    def likelihood(self, batch: jax.Array, hybrid: Any = None) -> Callable:
        """Function z -> (log p(x|z) per row, decoder output), free of flax."""
        vae, variables = self.vae.unbind()
        batch = jnp.asarray(batch)
        if hybrid is None:
            hybrid = hybrid_weights(self.alpha)
        kind: Any = kind_of(self)
        weights = hybrid if kind == "hybrid" else None

        def evaluate(z: jax.Array) -> Any:
            cp = vae.apply(variables, z, batch, method="decode")
            return -reconstruction_nll(cp, batch, kind, weights=weights), cp

        return evaluate

    def prior(self, z: jax.Array) -> jax.Array:
        """Log density log p(z) of each row."""
        return log_standard_normal(z) if self.log_prior is None else self.log_prior(z)

    def learned(self, latents: int, dtype: Any = jnp.float32) -> tuple[jax.Array, jax.Array]:
        """Present step sizes (K, L) and inverse temperatures (K + 1,)."""
        return self.dynamics(latents, dtype)

    # -- what training asks for ------------------------------------------------------------

    def row_bound(
        self, batch: Any, mean: Any, logvar: Any, key: jax.Array, hybrid: Any
    ) -> RowBound:
        """The terms of the loss of each row; their sum is minus one sample of the bound.

        Args:
            batch: Samples (B, columns).
            mean: Mean of q(z_0|x).
            logvar: Log variance of q(z_0|x).
            key: Key of the noise.
            hybrid: Weights of the halves of hybrid data, in the force as well.
        """
        sample = self.follow(batch, mean, logvar, key, hybrid)
        path = sample.path
        rate = sample.log_q - (sample.log_p - path.log_likelihood)
        return RowBound(-path.log_likelihood, rate, path.phase_space.z_init)

    # -- what analyses ask for -------------------------------------------------------------

    def posterior(self, batch: jax.Array) -> Encoded:
        """Mean and log variance that maps show, by the field `latent`.

        z_final: z_K to first order in the noise, mean z_K(0) and variance sum_j (dz_K/dnoise_j)^2
        over the noise of position and momentum; exact where the force is linear, no random number.
        """
        mean, logvar = self.encode(batch)
        if self.latent == "encoder_mean" or self.steps == 0:
            return Encoded(mean, logvar)

        follow = free(self, "follow")
        still = Noise(jnp.zeros_like(mean), jnp.zeros_like(mean))

        def end(noise: Any) -> Any:
            return follow(batch, mean, logvar, noise).path.phase_space.z_final

        centre, push = jax.linearize(end, still)

        def squares(unit: jax.Array) -> jax.Array:
            along, none = jnp.broadcast_to(unit, mean.shape), still.z
            return push(Noise(along, none)) ** 2 + push(Noise(none, along)) ** 2

        variance = jax.lax.map(squares, jnp.eye(mean.shape[1], dtype=mean.dtype)).sum(0)
        return Encoded(centre, jnp.log(variance))

    def centre(self, batch: jax.Array) -> jax.Array:
        """z_K without noise (B, L): where the decoder is asked about a snapshot."""
        mean, logvar = self.encode(batch)
        still = Noise(jnp.zeros_like(mean), jnp.zeros_like(mean))
        return self.follow(batch, mean, logvar, still).path.phase_space.z_final

    def draw(self, batch: jax.Array, key: jax.Array) -> jax.Array:
        """One z_K (B, L) per row, from a key or one key per row."""
        mean, logvar = self.encode(batch)
        return self.follow(batch, mean, logvar, key).path.phase_space.z_final


def _tuples(value: Any) -> Any:
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value
