"""Encode every configuration of a dataset once."""

from __future__ import annotations

from typing import Any

import numpy as np

from qdisc.analysis.latent import LatentTable
from qdisc.analysis.model import Model
from qdisc.dataset.dataset import Dataset
from qdisc.objectives.kl import kl_per_latent


def encode(module: Any, variables: Any, dataset: Dataset, chunk: int | None = None) -> LatentTable:
    """Posterior of every configuration; see `latent_table`.

    Args:
        module: A flax module; without `encode`, `__call__(batch, key)` is used and its z ignored.
        variables: {"params": ...}.
        dataset: What to encode.
        chunk: Rows per device call.
    """
    return latent_table(Model(module, variables, dataset.spec, chunk=chunk), dataset)


def latent_table(model: Model, dataset: Dataset) -> LatentTable:
    """Mean, log variance and KL of every configuration, most informative latent first.

    Repeating snapshots are encoded once: everything downstream weighs them with their counts.

    Raises:
        TrainingError: The encoder gives numbers that are not finite.
    """
    mu, logvar = model.encode(dataset.configurations)
    kl = np.array(kl_per_latent(mu, logvar))  # type: ignore[arg-type]
    return LatentTable.ordered(mu, logvar, kl, dataset.counts)
