"""The pieces of the Hamiltonian bound, each a method under its published name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from qdisc.nn.evidence import check_samples, in_blocks, numbered, row_noise
from qdisc.nn.hvae_checks import kind_of
from qdisc.objectives import hamiltonian
from qdisc.objectives.evidence import Evidence, importance_evidence
from qdisc.objectives.hamiltonian import (
    Force,
    LogPWeights,
    LogQWeights,
    Path,
    PhaseSpace,
)
from qdisc.objectives.likelihood import reconstruction_nll
from qdisc.objectives.total_correlation import Stratified, total_correlation


class Encoded(NamedTuple):
    """A Gaussian per row: mean and log variance, (B, L) each."""

    mean: jax.Array
    logvar: jax.Array


class HVAEOutput(NamedTuple):
    """Everything about one sample per row.

    Attributes:
        encoder: Mean and log variance of q(z_0|x).
        decoder: What `decode` returns at z_final.
        phase_space: z_init, rho_init, z_final, rho_final, log_det.
    """

    encoder: Encoded
    decoder: Any
    phase_space: PhaseSpace


class Parts(nn.Module):
    """Methods of `HVAE`, to be called through `apply(variables, ..., method="...")`."""

    def potential_energy(self: Any, batch: jax.Array, z: jax.Array) -> jax.Array:
        """U(z) = -log p(x|z) - log p(z) of each row (B,), nats."""
        return hamiltonian.potential_energy(self.likelihood(batch), z, self.prior)

    def grad_potential_energy(self: Any, batch: jax.Array, z: jax.Array) -> jax.Array:
        """Gradient of U of each row (B, L), by `grad_method`."""
        return hamiltonian.grad_potential_energy(
            self.likelihood(batch), z, self.prior, self.grad_method
        ).gradient

    def leapfrog_step(
        self: Any, batch: jax.Array, z: jax.Array, rho: jax.Array, number: int = 0
    ) -> tuple[jax.Array, jax.Array, Force]:
        """One step without tempering: z, rho, and the force (with the decoder's output) at z.

        Args:
            batch: Samples (B, columns).
            z: Position (B, L).
            rho: Momentum (B, L).
            number: Which step's size is used, 0..K-1.
        """
        sizes, _ = self.dynamics(z.shape[1], z.dtype)
        return hamiltonian.leapfrog_step(
            self.likelihood(batch), z, rho, sizes[number], None, self.prior, self.grad_method
        )

    def leapfrog_tempering_step(
        self: Any, batch: jax.Array, z: jax.Array, rho: jax.Array, trajectory: bool = False
    ) -> Path:
        """The whole path from (z, rho): both ends, log_det, and the decoder's last output."""
        sizes, betas = self.dynamics(z.shape[1], z.dtype)
        return hamiltonian.leapfrog_tempering_step(
            self.likelihood(batch), z, rho, sizes, betas, self.prior, self.grad_method,
            remat=self.remat, trajectory=trajectory,
        )  # fmt: skip

    def log_p_bar(
        self: Any,
        batch: jax.Array,
        key: jax.Array,
        logp_prefactor: Any = LogPWeights(),  # noqa: B008
    ) -> jax.Array:
        """Log p(x, z_K) + log N(rho_K | 0, I) of one sample per row (B,)."""
        start = self.encode(batch)
        return self.follow(batch, *start, key, logp_weights=logp_prefactor).log_p

    def log_q_bar(
        self: Any,
        batch: jax.Array,
        key: jax.Array,
        logq_prefactor: Any = LogQWeights(),  # noqa: B008
    ) -> jax.Array:
        """Log q(z_0|x) + log N(rho_0 | 0, I/beta0) - log |det| of the same sample (B,)."""
        start = self.encode(batch)
        return self.follow(batch, *start, key, logq_weights=logq_prefactor).log_q

    def hamiltonian_elbo(
        self: Any,
        batch: jax.Array,
        key: jax.Array,
        *,
        reduce: bool = True,
        return_outputs: bool = False,
        logp_prefactor: Any = LogPWeights(),  # noqa: B008
        logq_prefactor: Any = LogQWeights(),  # noqa: B008
    ) -> Any:
        """The evidence bound from one sample per row.

        Args:
            batch: Samples (B, columns).
            key: Key of the noise.
            reduce: Mean over the batch; otherwise (B,) log importance weights.
            return_outputs: Return an `HVAEOutput` as well.
            logp_prefactor: Weights of the terms of log pbar.
            logq_prefactor: Weights of the terms of log qbar.
        """
        mean, logvar = self.encode(batch)
        sample = self.follow(
            batch, mean, logvar, key, logp_weights=logp_prefactor, logq_weights=logq_prefactor
        )
        bound = hamiltonian.hamiltonian_elbo(sample, reduce=reduce)
        path = sample.path
        out = HVAEOutput(Encoded(mean, logvar), path.decoded, path.phase_space)
        return (bound, out) if return_outputs else bound

    def loss(
        self: Any,
        batch: jax.Array,
        key: jax.Array,
        target: jax.Array | None = None,
        *,
        beta: Any = 1.0,
        gamma: Any = 0.0,
        reg_function: Callable | None = None,
        reg_kwargs: Mapping[str, Any] | None = None,
        reg_strength: Any = 1.0,
        logp_prefactor: Any = LogPWeights(),  # noqa: B008
        logq_prefactor: Any = LogQWeights(),  # noqa: B008
    ) -> jax.Array:
        """Mean loss of a batch; minus the bound at beta = 1, gamma = 0 and no regularisation.

            -log p(x|z_K) + beta [log qbar - log p(z_K) - log N(rho_K)] + gamma TC
              + reg_strength reg_function(output, **reg_kwargs)

        The total correlation is that of q(z_0|x), the batch taken for the whole data set.

        Args:
            batch: Samples (B, columns): the encoder and the force see them.
            key: Key of the noise.
            target: Samples that log p(x|z_K) is about, if not `batch`.
            beta: Weight of the rate.
            gamma: Weight of the total correlation; the number 0 leaves it out.
            reg_function: Of the `HVAEOutput`; returns a scalar.
            reg_kwargs: Its keywords.
            reg_strength: Its weight.
            logp_prefactor: Weights of the terms of log pbar.
            logq_prefactor: Weights of the terms of log qbar.
        """
        mean, logvar = self.encode(batch)
        path = self.follow(
            batch, mean, logvar, noise := row_noise(key, mean.shape, mean.dtype)
        ).path
        ends, log_likelihood, decoded = path.phase_space, path.log_likelihood, path.decoded
        if target is not None:
            log_likelihood, decoded = self.likelihood(target)(ends.z_final)
        w_p = hamiltonian.named(LogPWeights, logp_prefactor, "logp_prefactor")
        w_q = hamiltonian.named(LogQWeights, logq_prefactor, "logq_prefactor")
        w_p = w_p._replace(z=beta * w_p.z, rho=beta * w_p.rho)
        w_q = LogQWeights(*(beta * weight for weight in w_q))
        log_q = hamiltonian.gaussian_start(mean, logvar, noise.z)[1]
        _, betas = self.dynamics(mean.shape[1], mean.dtype)
        loss = hamiltonian.log_q_bar(log_q, noise.rho, betas, w_q) - hamiltonian.log_p_bar(
            log_likelihood, ends.z_final, ends.rho_final, self.prior, w_p
        )
        loss = loss.mean()
        if not isinstance(gamma, int | float) or gamma != 0:
            rows = Stratified(n_total=batch.shape[0])
            loss = loss + gamma * total_correlation(ends.z_init, mean, logvar, rows)
        if reg_function is not None:
            out = HVAEOutput(Encoded(mean, logvar), decoded, ends)
            loss = loss + reg_strength * reg_function(out, **(reg_kwargs or {}))
        return loss

    def log_weights(
        self: Any, batch: jax.Array, key: jax.Array, n_samples: int
    ) -> tuple[jax.Array, jax.Array]:
        """Log densities (log_p, log_q), (B, n_samples) each, of independent samples.

        E[exp(log_p - log_q)] = p(x) for any parameters; for hybrid data of both halves, whatever
        alpha is. Sample s of a row is the same for every n_samples > s.

        Args:
            batch: Samples (B, columns).
            key: Key of the noise, or one key per row.
            n_samples: Samples per row.

        Raises:
            ConfigError: n_samples is not a whole number >= 1.
        """
        check_samples(n_samples)
        mean, logvar = self.encode(batch)
        kind: Any = kind_of(self)
        follow = free(self, "follow")

        def one(number: jax.Array) -> Any:
            noise = row_noise(numbered(key, number), mean.shape, mean.dtype)
            sample = follow(batch, mean, logvar, noise)
            ends, joint = sample.path.phase_space, sample.path.log_likelihood
            if kind == "hybrid":
                joint = -reconstruction_nll(sample.path.decoded, jnp.asarray(batch), kind)
            log_p = hamiltonian.log_p_bar(joint, ends.z_final, ends.rho_final, self.prior)
            return log_p, sample.log_q

        return in_blocks(one, n_samples, batch.shape[0])

    def log_evidence(self: Any, batch: jax.Array, key: jax.Array, n_samples: int = 64) -> Evidence:
        """Importance-weighted log p(x) and its effective sample size, (B,) each."""
        log_p, log_q = self.log_weights(batch, key, n_samples)
        return importance_evidence(log_p - log_q)


def free(module: Any, method: str) -> Callable:
    """A method of a bound module as a pure function, which jax may transform."""
    unbound, variables = module.unbind()
    return lambda *args: unbound.apply(variables, *args, method=method)
