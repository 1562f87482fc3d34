"""What a run does when the user says nothing: model and training chosen from the data."""

from __future__ import annotations

from typing import Any

from qdisc.config import TrainConfig
from qdisc.dataset.dataset import Dataset
from qdisc.plugin.dataspec import DataSpec
from qdisc.train.rows import make_plan

DENSE_SITES = 36  # a dense autoregressive network on more sites exceeds 5 million parameters
STEPS = 2500  # optimiser steps that suffice for a few latents
MAX_EPOCHS = 200
BUDGET = 2.4e12  # floating point operations of a default training: minutes on two cores
STEP_BUDGET = 4e9  # of one step, so that there are at least several hundred


def default_model(spec: DataSpec) -> str:
    """Name of the built-in model for this kind and size of data."""
    if spec.data_type in ("shadow", "hybrid") or spec.n_sites > DENSE_SITES:
        return "transformer"
    return "cnn2d_arnn" if spec.lattice is not None else "cnn1d_arnn"


ENOUGH = 200  # snapshots, of which some can be kept out of training


def default_training(
    dataset: Dataset, model: str, cost: float = 1.0, held_out: float = 0.0
) -> dict[str, Any]:
    """Keys of `[train]` that suit the size of the data.

    gamma = 5 (the published value for spin snapshots) keeps the latents independent where every
    step sees all configurations. From a batch of many snapshots that do not repeat the total
    correlation comes out too low, and a weight on it would reward narrow posteriors (see
    `total_correlation`): gamma = 0 there. Annealing the weight of the KL down to beta lets the
    latents appear one after another, so that few are active.
    Batch and epochs follow from a budget of floating point operations.

    Args:
        dataset: The snapshots.
        model: Name of the model.
        cost: Time of a step over that of the plain bound.
        held_out: Share of the snapshots to keep out of training.
    """
    n = dataset.n_snapshots
    batch = min(n, 5000 if dataset.deduplicated else 1000)

    def rows(size: int) -> int:
        return min(size, 1024) if dataset.deduplicated else size

    each = cost * row_cost(dataset.spec, model)
    while batch > 64 and each * rows(batch) > STEP_BUDGET:
        batch = max(64, batch // 2)
    exact = make_plan(dataset, TrainConfig(batch_size=int(batch))).mode == "all"
    per_epoch = -(-n // batch)
    affordable = BUDGET / (each * rows(batch))
    epochs = round(min(STEPS, affordable) / per_epoch)
    epochs = int(min(max(epochs, 2), MAX_EPOCHS))
    return {
        "epochs": epochs,
        "batch_size": int(batch),
        "learning_rate": 2e-3 if model == "transformer" else 5e-3,
        "schedule": "warmup_cosine",
        "beta": 0.35,
        "beta_start": 1.0,
        "kl_warmup": 0.4,
        "gamma": 5.0 if exact else 0.0,
        **({"validation_fraction": held_out} if held_out and n >= ENOUGH else {}),
    }


def row_cost(spec: DataSpec, model: str) -> float:
    """Floating point operations of one row in one step (forward and backward), roughly."""
    n = spec.n_columns
    if model == "transformer":
        width, layers = 32, 3
        return 6.0 * n * layers * (12 * width**2 + 2 * n * width)
    return 6.0 * 3 * (n * 36) ** 2
