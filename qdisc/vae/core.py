"""Published names of the variational autoencoder."""

from __future__ import annotations

from qdisc.nn.vae import VAEmodel
from qdisc.objectives.published import (
    TC_term,
    categorical_reconstruction_loss,
    gaussian_negloglik,
    kl_standard_normal,
    log_normal_pdf,
)
from qdisc.vae.trainer import VAETrainer

__all__ = [
    "TC_term",
    "VAETrainer",
    "VAEmodel",
    "categorical_reconstruction_loss",
    "gaussian_negloglik",
    "kl_standard_normal",
    "log_normal_pdf",
]
