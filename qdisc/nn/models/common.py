"""What the model plugins share: from a DataSpec to the keywords of encoder and decoder."""

from __future__ import annotations

from typing import Any

from qdisc.errors import ConfigError
from qdisc.nn.arnn import ARNNDense
from qdisc.plugin import DataSpec, ModelSpec


def data_keywords(spec: ModelSpec, data_spec: DataSpec, dtype: str) -> dict[str, Any]:
    """Fields that tell encoder and decoder alike what a column means.

    Raises:
        ConfigError: The model does not understand this kind of data.
    """
    if data_spec.data_type not in spec.data_kinds:
        raise ConfigError(
            f"model {spec.name} does not understand {data_spec.data_type} data",
            where="model.name",
            value=data_spec.data_type,
            hint=f"it knows {', '.join(spec.data_kinds)}",
        )
    return {
        "data_type": data_spec.data_type,
        "local_dimension": data_spec.local_dimension or 2,
        "location": tuple(data_spec.location),
        "scale": tuple(data_spec.scale),
        "dtype": dtype,
    }


def dense_decoder(config: Any, keywords: dict[str, Any]) -> ARNNDense:
    """The dense autoregressive decoder that both convolutional models use."""
    return ARNNDense(
        num_layers=config.decoder_layers,
        features=config.decoder_features,
        variance_floor=config.variance_floor,
        **keywords,
    )
