"""What is trained on what: two trainings of one identity give the same numbers, bit by bit."""

from __future__ import annotations

import hashlib
import re
from importlib import metadata
from typing import Any

import jax
import msgspec
import numpy as np

from qdisc.config import TrainConfig
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.streamed import StreamedDataset

# How often a training is kept does not change it; how many devices there are is told below.
_LEFT_OUT = ("checkpoint_s", "devices")


def identity(
    module: Any, dataset: Dataset, config: TrainConfig, key: jax.Array, first: int, reshuffle: bool
) -> dict[str, Any]:
    """Everything that the numbers of a training depend on, as words and numbers.

    Args:
        module: The model.
        dataset: All snapshots.
        config: How it is trained.
        key: Key of the training.
        first: Steps taken before it.
        reshuffle: Whether epochs differ in their order.
    """
    told = {
        f"train.{name}": value
        for name, value in msgspec.to_builtins(config).items()
        if name not in _LEFT_OUT
    }
    if isinstance(dataset, StreamedDataset):
        told["buffer"] = dataset.buffer_bytes  # the order of the rows depends on it
    return {
        **told,
        "dataset": dataset.sha256,
        "model": f"{type(module).__name__} {_fingerprint(module)}",
        "key": np.asarray(jax.random.key_data(key)).tolist(),
        "first_step": first,
        "reshuffle": reshuffle,
        "qdisc": metadata.version("qdisc"),
        "jax": metadata.version("jax"),
        "device": jax.devices()[0].device_kind,
        "devices": len(jax.devices()) if config.devices == "all" else config.devices,
    }


def _fingerprint(module: Any) -> str:
    words = re.sub(r" at 0x[0-9a-f]+", "", repr(module))  # addresses of functions
    return hashlib.sha256(words.encode()).hexdigest()[:12]
