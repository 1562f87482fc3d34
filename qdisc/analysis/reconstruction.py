"""Analysis `reconstruction`: what the decoder says about the snapshots, and what it draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from qdisc._typing import Key
from qdisc.analysis.agreement import agreement
from qdisc.analysis.latent import LatentTable
from qdisc.analysis.model import Model
from qdisc.analysis.model_samples import ModelSweep
from qdisc.analysis.moments import streamed_mean
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ConfigError
from qdisc.objectives.likelihood import reconstruction_nll
from qdisc.plugin import AnalysisSpec, Config, Provides, Variable

OBSERVABLES = (
    "magnetisation",
    "abs_magnetisation",
    "nearest_neighbour",
    "next_nearest_neighbour",
    "two_point",
    "structure_factor",
)

_nll = jax.jit(reconstruction_nll, static_argnums=2)


class ReconstructionConfig(Config):
    """Options of `reconstruction`.

    Attributes:
        n_samples: Model samples per setting, for the observables too; unset chooses at most 1000,
            fewer when the data have few shots or the sweep is large.
        examples: Model samples kept per setting.
    """

    n_samples: int | None = None
    examples: int = 4

    def __post_init__(self) -> None:
        """Refuse numbers that have no meaning."""
        for name, value, least in (
            ("n_samples", self.n_samples, 1),
            ("examples", self.examples, 0),
        ):
            if value is not None and value < least:
                raise ConfigError(
                    f"a whole number >= {least} is wanted",
                    where=f"analyses.reconstruction.{name}",
                    value=value,
                )


class Reconstruction:
    """Conditional probabilities over theta, model samples, and their agreement with the data.

    The conditionals are p(x_i | x_<i, z = mu(x)), averaged over the shots x of a point; a model
    without `decode` gives them at one random z per configuration instead.
    """

    spec = AnalysisSpec(
        name="reconstruction",
        summary="Conditional probabilities per site over theta; model samples against data.",
        needs=("model", "dataset", "latent"),
        optional_needs=tuple(f"observable:{name}" for name in OBSERVABLES),
        default=True,
        provides=(
            Provides("cp", ("theta", "site", "state"),
                     long_name="conditional probability of each local state, averaged over shots",
                     optional=True),
            Provides("mean", ("theta", "site"), long_name="conditional mean, averaged over shots",
                     optional=True),
            Provides("logvar", ("theta", "site"), long_name="conditional log variance, averaged",
                     optional=True),
            Provides("nll", ("theta",), units="nat",
                     long_name="-log p(x | z = mu) per snapshot, averaged over shots"),
            Provides("example", ("theta", "example_of_model", "column"),
                     long_name="model samples: codes, or values of continuous columns",
                     optional=True),
            Provides("observable", ("observable",), "int32", long_name="observable compared"),
            Provides("deviation", ("observable",),
                     long_name="mean |model - data| over theta / range of the data"),
            Provides("z_score", ("observable",),
                     long_name="root mean square of (model - data) / standard error"),
        ),
    )  # fmt: skip
    Config = ReconstructionConfig

    def run(self, ctx: Any, config: ReconstructionConfig, *, key: Key) -> Mapping[str, Variable]:
        """Average the decoder over the shots of each point, and judge its samples."""
        dataset, model = ctx.dataset, ctx.model
        means = conditional_means(model, dataset, ctx.latent, key)
        out = {}
        for name, (values, dims, units) in means.items():
            data = dataset.to_theta(values).astype(np.float32)
            out[name] = Variable(data, (*dataset.theta_dims, *dims), units)
        sweep = ctx.model_samples
        if sweep is not None and config.examples > 0:
            dims = (*dataset.theta_dims, "example_of_model", "column")
            out["example"] = Variable(dataset.to_theta(examples(sweep, config.examples)), dims)
        pairs = [
            agreement(ctx.observables[name]) if name in ctx.observables else (np.nan, np.nan)
            for name in OBSERVABLES
        ]
        flags = {
            "flag_values": np.arange(len(OBSERVABLES), dtype=np.int32),
            "flag_meanings": " ".join(OBSERVABLES),
        }
        out["observable"] = Variable(flags["flag_values"], ("observable",), attrs=flags)
        for name, column in (("deviation", 0), ("z_score", 1)):
            data = np.array([pair[column] for pair in pairs], np.float32)
            out[name] = Variable(data, ("observable",))
        return out


def conditional_means(
    model: Model, dataset: Dataset, latent: LatentTable, key: Key
) -> dict[str, tuple[np.ndarray, tuple[str, ...], str]]:
    """Shot averages of the decoder's output: name -> (values (points, ...), axes, units).

    One pass over the configurations in bounded memory. For shadows the outcomes are averaged over
    the bases that were measured.
    """
    x = dataset.configurations
    if model.can_decode:
        blocks = model.decode_blocks(model.centre(x, latent.to_model(latent.mu)), x)
    else:
        blocks = ((rows, out[3]) for rows, out in model.apply_blocks(x, key))
    kind, n = dataset.data_type, dataset.n_sites
    average = streamed_mean(dataset.counts, _flat(blocks, x, kind))
    out: dict[str, tuple[np.ndarray, tuple[str, ...], str]] = {}
    out["nll"] = average[:, 0], (), "nat"
    average = average[:, 1:]
    if kind != "continuous":
        states = n * dataset.local_dimension
        cp = average[:, :states].reshape(-1, n, dataset.local_dimension)
        out["cp"] = cp, ("site", "state"), "1"
        average = average[:, states:]
    if kind in ("continuous", "hybrid"):
        out["mean"] = average[:, 0::2], ("site",), "1"
        out["logvar"] = average[:, 1::2], ("site",), "1"
    return out


def _flat(
    blocks: Iterator[tuple[slice, Any]], x: np.ndarray, kind: Any
) -> Iterator[tuple[slice, np.ndarray]]:
    """Decoder output as one row of numbers per configuration: nll, probabilities, Gaussians."""
    for rows, cp in blocks:
        batch = x[rows]
        parts = [np.asarray(_nll(cp, batch, kind))[:, None]]
        if kind == "hybrid":
            parts += [np.exp(cp[0]), cp[1]]
        else:
            parts += [cp if kind == "continuous" else np.exp(cp)]
        yield rows, np.concatenate([p.reshape(len(batch), -1) for p in parts], axis=1)


def examples(sweep: ModelSweep, n: int) -> np.ndarray:
    """The first n model samples of each point, float32 (points, n, columns); NaN where none."""
    counts = sweep.counts
    out = np.full((counts.n_points, n, sweep.configurations.shape[1]), np.nan, np.float32)
    rows = np.repeat(counts.indices, counts.data)
    first = np.concatenate([[0], np.cumsum(counts.shots())])
    # spread over the point's samples: equal ones stand together
    size = np.diff(first)
    place = first[:-1, None] + (np.arange(n) * size[:, None]) // n
    filled = size > 0
    out[filled] = sweep.configurations[rows[place[filled]]]
    return out


reconstruction = Reconstruction()
