"""The models and toy data that several benchmarks use, each beside its naive form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from benchmarks import naive_nets
from qdisc.config import TrainConfig
from qdisc.dataset.counts import CountMatrix
from qdisc.dataset.dataset import Dataset
from qdisc.nn.models import cnn1d_arnn, transformer
from qdisc.train.loop import init_state
from qdisc.train.optimiser import FACTORIES, injected


@dataclass(frozen=True)
class Pair:
    """A qdisc model with parameters, and the naive functions that compute the same."""

    module: Any
    params: Any
    encode: Callable[[Any, Any], Any]
    decode: Callable[[Any, Any, Any], Any]


def snapshots(kind: str, n_sites: int, count: int) -> Dataset:
    """Random snapshots of which none is stored twice, as data of large systems are."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, (count, n_sites))
    x = codes.astype(np.uint8)
    if kind == "hybrid":
        x = np.concatenate([codes, rng.standard_normal((count, n_sites))], 1).astype(np.float32)
    elif kind == "shadow":
        x = np.stack([rng.integers(2, 5, codes.shape), codes], -1).reshape(count, -1)
        x = x.astype(np.uint8)
    counts = CountMatrix.one_each(np.array([count], np.int64))
    return Dataset.from_configurations(x, counts, np.zeros((1, 1)), data_type=kind)


def initial(module: Any, dataset: Dataset, scale: float = 1.0) -> Any:
    """Parameters; `scale` makes the network louder, so that draws are not all even."""
    optimizer = injected(FACTORIES["adabelief"])
    params = init_state(module, dataset, optimizer, jax.random.key(0)).params
    return jax.tree.map(lambda w: np.float32(scale) * np.asarray(w), params)


def dense(dataset: Dataset, small: bool, scale: float = 1.0) -> Pair:
    """The dense autoregressive decoder behind circular convolutions."""
    layers = {"conv_layers": 1, "decoder_layers": 2} if small else {}
    module = cnn1d_arnn.model.build(dataset.spec, cnn1d_arnn.Config(**layers))
    return Pair(
        module, initial(module, dataset, scale),
        lambda p, x: naive_nets.cnn(p, x, None), naive_nets.arnn,
    )  # fmt: skip


def attentive(dataset: Dataset, small: bool, scale: float = 1.0) -> Pair:
    """The transformer pair."""
    layers = {"encoder_layers": 1, "decoder_layers": 1} if small else {}
    config, kind = transformer.Config(**layers), dataset.data_type
    # location and scale left out: the naive form then needs no standardisation
    module = transformer.model.build(dataset.spec, config)
    module = module.clone(encoder=module.encoder.clone(location=(), scale=()),
                          decoder=module.decoder.clone(location=(), scale=()))  # fmt: skip
    return Pair(
        module, initial(module, dataset, scale),
        lambda p, x: naive_nets.transformer_encoder(p, x, kind, config.encoder_heads),
        lambda p, z, x: naive_nets.transformer_decoder(p, z, x, kind, config.decoder_heads),
    )  # fmt: skip


def training(batch: int, **changes: Any) -> TrainConfig:
    """The published weights, one epoch."""
    return TrainConfig(**{"epochs": 1, "batch_size": batch, "beta": 0.5, **changes})
