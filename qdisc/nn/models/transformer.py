"""Model plugin: transformer encoder and causal transformer decoder, for long sequences."""

from __future__ import annotations

from typing import Literal

from qdisc.config import Config as BaseConfig
from qdisc.nn.heads import VARIANCE_FLOOR
from qdisc.nn.models.common import data_keywords
from qdisc.nn.transformer_decoder import Transformer_decoder
from qdisc.nn.transformer_encoder import Transformer_encoder
from qdisc.nn.vae import VAEmodel
from qdisc.plugin import DataSpec, ModelSpec


class Config(BaseConfig):
    """Sizes of transformer.

    Attributes:
        latent_dim: Number of latent variables.
        encoder_heads: Attention heads of the encoder; must divide encoder_width.
        encoder_width: Width of an encoder token.
        encoder_layers: Blocks of the encoder.
        decoder_heads: Attention heads of the decoder; must divide decoder_width.
        decoder_width: Width of a decoder token.
        decoder_layers: Blocks of the decoder.
        variance_floor: Smallest variance of a standardised continuous value.
        dtype: float32 or float64.
    """

    latent_dim: int = 5
    encoder_heads: int = 2
    encoder_width: int = 16
    encoder_layers: int = 3
    decoder_heads: int = 4
    decoder_width: int = 32
    decoder_layers: int = 3
    variance_floor: float = VARIANCE_FLOOR
    dtype: Literal["float32", "float64"] = "float32"


class Transformer:
    """Its number of weights hardly grows with the sites (64 000 at 16 sites, 67 000 at 36)."""

    spec = ModelSpec(
        name="transformer",
        summary="transformer encoder, causal transformer decoder",
        citation="arXiv:2604.16015",
    )
    Config = Config

    def build(self, data_spec: DataSpec, config: Config) -> VAEmodel:
        """Return the model for this kind of data."""
        keywords = data_keywords(self.spec, data_spec, config.dtype)
        encoder = Transformer_encoder(
            config.encoder_heads,
            config.encoder_width,
            config.encoder_layers,
            config.latent_dim,
            **keywords,
        )
        decoder = Transformer_decoder(
            config.decoder_heads,
            config.decoder_width,
            config.decoder_layers,
            variance_floor=config.variance_floor,
            **keywords,
        )
        return VAEmodel(encoder, decoder)


model = Transformer()
