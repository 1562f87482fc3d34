"""Model plugin: convolutions on a 2-D lattice in front, a dense autoregressive decoder behind."""

from __future__ import annotations

from typing import Literal

from qdisc.config import Config as BaseConfig
from qdisc.errors import ConfigError
from qdisc.nn.encoders_cnn import EncoderCNN2D
from qdisc.nn.heads import VARIANCE_FLOOR
from qdisc.nn.models.common import data_keywords, dense_decoder
from qdisc.nn.vae import VAEmodel
from qdisc.plugin import DataSpec, ModelSpec


class Config(BaseConfig):
    """Sizes of cnn2d_arnn; the defaults are the published network for the J1-J2 model.

    Attributes:
        latent_dim: Number of latent variables.
        conv_layers: Convolutions of the encoder.
        kernel_size: Window (rows, columns).
        strides: Step of the window (rows, columns).
        conv_features: Channels of each convolution.
        dense_features: Width of the encoder's dense layer.
        decoder_layers: Hidden layers of the decoder.
        decoder_features: Hidden features per site of the decoder.
        variance_floor: Smallest variance of a standardised continuous value.
        dtype: float32 or float64.
    """

    latent_dim: int = 5
    conv_layers: int = 3
    kernel_size: tuple[int, int] = (2, 2)
    strides: tuple[int, int] = (1, 1)
    conv_features: int = 36
    dense_features: int = 36
    decoder_layers: int = 4
    decoder_features: int = 36
    variance_floor: float = VARIANCE_FLOOR
    dtype: Literal["float32", "float64"] = "float32"


class Cnn2dArnn:
    """Encoder on a rectangular lattice (its sites' positions), dense autoregressive decoder."""

    spec = ModelSpec(
        name="cnn2d_arnn",
        summary="2-D convolutional encoder, dense autoregressive decoder",
        citation="arXiv:2604.16015",
    )
    Config = Config

    def build(self, data_spec: DataSpec, config: Config) -> VAEmodel:
        """Return the model for this lattice and kind of data.

        Raises:
            ConfigError: The sites do not fill a two-dimensional rectangle.
        """
        keywords = data_keywords(self.spec, data_spec, config.dtype)
        lattice = data_spec.lattice
        if lattice is None:
            raise ConfigError(
                f"model {self.spec.name} needs sites that fill a two-dimensional rectangle",
                where="model.name",
                value="no positions" if data_spec.sites is None else f"{data_spec.n_sites} sites",
                hint="give the dataset `sites` (N, 2), or use cnn1d_arnn or transformer",
            )
        encoder = EncoderCNN2D(
            config.latent_dim,
            config.conv_layers,
            config.kernel_size,
            config.strides,
            config.conv_features,
            config.dense_features,
            lattice,
            periodic=tuple(data_spec.periodic or (False, False)),
            **keywords,
        )
        return VAEmodel(encoder, dense_decoder(config, keywords))


model = Cnn2dArnn()
