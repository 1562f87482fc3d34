"""Model plugin: circular 1-D convolutions in front, a dense autoregressive decoder behind."""

from __future__ import annotations

from typing import Literal

from qdisc.config import Config as BaseConfig
from qdisc.nn.encoders_cnn import EncoderCNNcirc1D
from qdisc.nn.heads import VARIANCE_FLOOR
from qdisc.nn.models.common import data_keywords, dense_decoder
from qdisc.nn.vae import VAEmodel
from qdisc.plugin import DataSpec, ModelSpec


class Config(BaseConfig):
    """Sizes of cnn1d_arnn.

    Attributes:
        latent_dim: Number of latent variables.
        conv_layers: Circular convolutions of the encoder.
        kernel_size: Sites that a window spans.
        strides: Step of the window.
        conv_features: Channels of each convolution.
        dense_features: Width of the encoder's dense layer.
        decoder_layers: Hidden layers of the decoder.
        decoder_features: Hidden features per site of the decoder.
        variance_floor: Smallest variance of a standardised continuous value.
        dtype: float32 or float64.
    """

    latent_dim: int = 5
    conv_layers: int = 2
    kernel_size: int = 3
    strides: int = 1
    conv_features: int = 16
    dense_features: int = 64
    decoder_layers: int = 3
    decoder_features: int = 36
    variance_floor: float = VARIANCE_FLOOR
    dtype: Literal["float32", "float64"] = "float32"


class Cnn1dArnn:
    """Encoder on a ring of sites, dense autoregressive decoder; 2.4 M weights at 36 sites."""

    spec = ModelSpec(
        name="cnn1d_arnn",
        summary="circular 1-D convolutional encoder, dense autoregressive decoder",
    )
    Config = Config

    def build(self, data_spec: DataSpec, config: Config) -> VAEmodel:
        """Return the model for this kind of data."""
        keywords = data_keywords(self.spec, data_spec, config.dtype)
        encoder = EncoderCNNcirc1D(
            config.latent_dim,
            config.conv_layers,
            config.kernel_size,
            config.strides,
            config.conv_features,
            config.dense_features,
            **keywords,
        )
        return VAEmodel(encoder, dense_decoder(config, keywords))


model = Cnn1dArnn()
