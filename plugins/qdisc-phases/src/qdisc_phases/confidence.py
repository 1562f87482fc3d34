"""Analysis `confidence`: would another seed have found the same phases?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from qdisc.errors import ConfigError, TrainingError
from qdisc.plugin import AnalysisSpec, DataSpec, Provides, Variable
from threadpoolctl import threadpool_limits

from qdisc_phases.clusters import ACTIVE, ClustersConfig, find_clusters
from qdisc_phases.consensus import Consensus, consensus
from qdisc_phases.labels import label_variable, probability_variable
from qdisc_phases.settings import settings_of


class ConfidenceConfig(ClustersConfig):
    """Options of `confidence`; how each model's phases are found is described in `ClustersConfig`.

    Attributes:
        models: Number of models: that of the run, and others with the seeds after its seed. They
            are trained as the run's model was, side by side: on two processor cores this takes
            about as long as training them one after another, on an accelerator far less.
    """

    table: ClassVar[str] = "confidence"
    models: int = 5

    def __post_init__(self) -> None:
        """Refuse numbers that have no meaning."""
        super().__post_init__()
        if self.models < 2:
            raise ConfigError("one model agrees with itself", where="analyses.confidence.models",
                              value=self.models, hint="at least 2 models")  # fmt: skip


_SEED = "confidence_seed"


class Confidence:
    """Phases that models of several seeds agree on, and where they do not."""

    spec = AnalysisSpec(
        name="confidence",
        summary="Phases that models of several seeds agree on; trains them (not run by default).",
        needs=("dataset", "model", "latent", "training"),
        provides=(
            Provides("label", ("theta",), "int32", long_name="phase that most models agree on"),
            Provides("agreement", ("theta",), long_name="share of the models that say so"),
            Provides("probability", ("theta", "confidence_phase"),
                     long_name="membership probability, mean over the models"),
            Provides("member_label", ("theta", _SEED), "int32",
                     long_name="phase according to each model, numbered like label"),
            Provides("seed", (_SEED,), "int64", long_name="seed of each model"),
            Provides("n_phases", (), "int32", long_name="number of phases most models find"),
            Provides("n_phases_each", (_SEED,), "int32", long_name="number of phases"),
            Provides("rand_index", (_SEED,),
                     long_name="adjusted Rand index of a model's labels with label"),
            Provides("active_latents", (_SEED,), "int32", long_name="latents with KL > 0.05 nat"),
            Provides("rate", (_SEED, "confidence_latent"), "float64", units="nat",
                     long_name="mean KL of each latent, most informative first"),
            Provides("loss", (_SEED,), "float64", units="nat", long_name="loss at the end"),
        ),
    )  # fmt: skip
    Config = ConfidenceConfig

    def applies(self, data_spec: DataSpec) -> str:
        """Phases need a sweep."""
        few = data_spec.n_points < 3
        return f"needs a sweep of 3 settings, the data have {data_spec.n_points}" if few else ""

    def run(self, ctx: Any, config: ConfidenceConfig, *, key: Any) -> Mapping[str, Variable]:
        """Train, divide, vote."""
        first = 0 if ctx.training.seed is None else int(ctx.training.seed)
        seeds = np.arange(first, first + config.models)
        members = ctx.ensemble(seeds.tolist())
        good = [m for m, one in enumerate(members) if one.training.stop_reason != "not_finite"]
        if len(good) < 2:
            raise TrainingError(
                "fewer than two models have finite numbers", where="analyses.confidence",
                value=[members[m].training.message for m in range(len(members)) if m not in good],
                hint="train with a smaller learning rate",
            )  # fmt: skip
        seeds, members = seeds[good], [members[m] for m in good]
        with threadpool_limits(1):
            found = [find_clusters(one, config, key) for one in members]
        return _variables(ctx, config, seeds, members, found)


def _variables(
    ctx: Any, config: ConfidenceConfig, seeds: np.ndarray, members: list[Any],
    found: list[dict[str, Variable]],
) -> dict[str, Variable]:  # fmt: skip
    dataset, dims = ctx.dataset, ctx.dataset.theta_dims
    seen = settings_of(dataset).occupied
    flat = [one["label"].data.reshape(-1)[seen] for one in found]
    vote = consensus(flat)
    share = np.zeros((seen.sum(), vote.count))
    for one, order in zip(found, vote.order, strict=True):
        mine = one["probability"].data.reshape(seen.size, -1)[seen]
        have = np.flatnonzero(order[: vote.count] < mine.shape[1])
        share[:, have] += mine[:, order[have]] / len(found)
    phases = [int(one["n_phases"].data) for one in found]
    active = [int((one.latent.rate > ACTIVE).sum()) for one in members]
    words = _finding(vote, phases, active, config)
    if len(seeds) < config.models:
        words.append(f"{config.models - len(seeds)} of {config.models} models are left out: "
                     "their numbers were not finite")  # fmt: skip
    each = np.full((seen.size, len(seeds)), -1)
    each[seen] = vote.members.T
    groups = int(each.max()) + 1
    flags = {
        "flag_values": np.arange(groups, dtype=np.int32),
        "flag_meanings": " ".join([*(f"phase_{n}" for n in range(vote.count)),
                                   *(f"other_{n}" for n in range(groups - vote.count))]),
        "panels": " ".join(f"seed_{seed}" for seed in seeds),
    }  # fmt: skip

    def spread(values: np.ndarray, empty: float) -> np.ndarray:
        out = np.full((seen.size, *values.shape[1:]), empty)
        out[seen] = values
        return out

    def per_seed(values: Any, dtype: Any) -> Variable:
        return Variable(np.array(values, dtype), (_SEED,))

    return {
        "label": label_variable(dataset, spread(vote.label, -1).astype(int), vote.count, words),
        "agreement": Variable(
            dataset.to_theta(spread(vote.agreement, np.nan)).astype(np.float32), dims
        ),
        "probability": probability_variable(dataset, spread(share, np.nan), "confidence_phase"),
        "member_label": Variable(
            dataset.to_theta(each).astype(np.int32), (*dims, _SEED), attrs=flags
        ),
        "seed": per_seed(seeds, np.int64),
        "n_phases": Variable(np.int32(vote.count), ()),
        "n_phases_each": per_seed(phases, np.int32),
        "rand_index": per_seed(vote.rand, np.float32),
        "active_latents": per_seed(active, np.int32),
        "rate": Variable(np.stack([one.latent.rate for one in members]),
                         (_SEED, "confidence_latent"), "nat"),
        "loss": Variable(np.array([_last(one.training.loss) for one in members]), (_SEED,), "nat"),
    }  # fmt: skip


def _last(loss: np.ndarray) -> float:
    return float(loss[-1]) if len(loss) else float("nan")


def _finding(
    vote: Consensus, phases: list[int], active: list[int], config: ConfidenceConfig
) -> list[str]:
    sizes = np.bincount(vote.label, minlength=vote.count)
    what = "one phase" if vote.count == 1 else f"{vote.count} phases"
    lines = [f"{what} of {', '.join(map(str, sizes))} settings: "
             f"{phases.count(vote.count)} of {len(phases)} models find as many"]  # fmt: skip
    other = Counter(k for k in phases if k != vote.count)
    if other:
        lines[0] += (
            " (others: " + ", ".join(f"{n} find {k}" for k, n in sorted(other.items())) + ")"
        )
    split = int((vote.agreement < 1).sum())
    if split:
        lines.append(f"all models agree on {vote.label.size - split} of {vote.label.size} settings"
                     f", least agreement {vote.agreement.min():.0%}; adjusted Rand index with the "
                     f"consensus {vote.rand.min():.2f} .. {vote.rand.max():.2f}")  # fmt: skip
    else:
        lines.append("all models agree on every setting")
    few, many = min(active), max(active)
    lines.append(f"active latents: {few}" + ("" if few == many else f" to {many}"))
    if config.n_phases is not None:
        lines.append(f"{vote.count} phases were asked for (analyses.confidence.n_phases)")
    return lines


confidence = Confidence()
