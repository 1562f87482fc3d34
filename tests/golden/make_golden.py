"""Make the golden result file of the current schema: numbers from formulas, no clock, no machine.

    python tests/golden/make_golden.py

A file of an old schema is never made again; it stays as it was written.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qdisc.dataset.counts import CountMatrix
from qdisc.dataset.dataset import Dataset
from qdisc.plugin import Variable
from qdisc.results import build
from qdisc.results.schema import SCHEMA, Group, category
from qdisc.results.writer import write_result

PATH = Path(__file__).with_name(f"result_{SCHEMA.replace('.', '_')}.h5")
LATENTS, EPOCHS, BINS = 2, 4, 6


def golden_dataset(scattered: bool = False) -> Dataset:
    """A 2 x 3 sweep of 4 spins, its last setting without a snapshot."""
    configurations = np.array([[0, 0, 0, 0], [0, 1, 0, 1], [1, 1, 1, 0]], np.uint8)
    counts = np.array([[9, 0, 1], [8, 2, 0], [5, 5, 5], [2, 8, 0], [1, 0, 9], [0, 0, 0]])
    point, configuration = np.nonzero(counts)
    matrix = CountMatrix.from_pairs(point, configuration, counts[point, configuration], 6, 3)
    theta = np.array([[j, h] for j in (0.5, 1.5) for h in (-1.0, 0.0, 2.0)])
    if scattered:
        theta[4, 1] = 0.25
    return Dataset.from_configurations(
        configurations, matrix, theta, data_type="discrete", theta_names=("J", "h"),
        theta_units=("1", "MHz"), sites=[[0, 0], [0, 1], [1, 0], [1, 1]], name="golden",
        source={"loader": "none", "made_by": "make_golden.py"},
    )  # fmt: skip


def ramp(*shape: int, dtype: str = "float32") -> np.ndarray:
    """Numbers 0, 1/8, 2/8, ... of a shape."""
    return (np.arange(np.prod(shape)) / 8).reshape(shape).astype(dtype)


def golden_tree(scattered: bool = False, dataset: Dataset | None = None) -> Group:
    """A complete result of `golden_dataset`."""
    dataset = dataset or golden_dataset(scattered)
    dims, shape = dataset.theta_dims, dataset.theta_shape
    empty = dataset.to_theta(dataset.shots) == 0

    def over_theta(*more: int) -> np.ndarray:
        values = ramp(*shape, *more)
        values[empty] = np.nan
        return values

    terms = {name: ramp(EPOCHS) + i for i, name in enumerate(("reconstruction", "kl", "tc"))}
    params = {
        "encoder/Dense_0/kernel": ramp(4, 3),
        "encoder/Dense_0/bias": ramp(3),
        "decoder/scale": ramp(4, 4),
    }
    failed = "Traceback (most recent call last):\n  ...\nValueError: π is not rational"
    latent_map = {
        "mu": Variable(over_theta(LATENTS), (*dims, "latent"), long_name="mean of the latent"),
        "kl": Variable(over_theta(LATENTS), (*dims, "latent"), "nat", "KL per latent"),
        "histogram": Variable(
            np.arange(6 * LATENTS * BINS, dtype=np.int64).reshape(*shape, LATENTS, BINS),
            (*dims, "latent", "bin"), long_name="snapshots per bin",
        ),
        "bin": Variable(np.linspace(-2.5, 2.5, BINS), ("bin",), long_name="centre of the bin"),
    }  # fmt: skip
    phases = {
        "label": Variable(
            np.arange(6, dtype=np.int32).reshape(shape) % 2, dims, long_name="phase",
            attrs={"flag_values": np.array([0, 1], np.int32), "flag_meanings": "para ferro"},
        ),
        "score": Variable(np.float64(0.75), (), long_name="silhouette"),
        "cluster": category(("para", "ferro"), "cluster", "phase"),
        "weight": Variable(np.array([0.25, 0.75]), ("cluster",), long_name="share of settings"),
    }  # fmt: skip
    return build.result_group(
        title="golden result of schema 1.0",
        theta=build.theta_variables(dataset),
        dataset=build.dataset_group(dataset, with_snapshots=True),
        model=build.model_group(
            "cnn1d_arnn", "0.1.0", {"latent_dim": LATENTS, "kernel": None}, "elbo", params,
            dataset.spec,
        ),
        training=build.training_group(
            ramp(EPOCHS)[::-1], terms, ramp(EPOCHS, LATENTS), ramp(EPOCHS, LATENTS), "finished", 7
        ),
        observables={
            "magnetisation": build.observable_group(
                "magnetisation", dims, over_theta(), over_theta(), over_theta(),
                long_name="magnetisation per site",
            )
        },
        analyses={
            "latent_map": build.analysis_group("latent_map", variables=latent_map),
            "phases": build.analysis_group("phases", variables=phases, config={"k": 2}),
            "broken": build.analysis_group(
                "broken", status="failed", message="ValueError: π is not rational"
            ),
        },
        provenance=build.provenance_group(
            created_at="2026-11-21T00:00:00+00:00", duration_s=1.5, command="make_golden.py",
            seed=7, config_toml="seed = 7\n", environment={"python": "3.11"}, device="cpu",
            tracebacks={"broken": failed},
        ),
    )  # fmt: skip


if __name__ == "__main__":
    write_result(PATH, golden_tree())
    print(PATH.name, PATH.stat().st_size, "bytes")
