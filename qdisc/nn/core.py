"""Published names of the networks."""

from __future__ import annotations

from qdisc.nn.arnn import ARNNDense
from qdisc.nn.encoders_cnn import EncoderCNN2D, EncoderCNNcirc1D
from qdisc.nn.transformer_decoder import Transformer_decoder
from qdisc.nn.transformer_encoder import Transformer_encoder
from qdisc.nn.vae import VAEmodel

__all__ = [
    "ARNNDense",
    "EncoderCNN2D",
    "EncoderCNNcirc1D",
    "Transformer_decoder",
    "Transformer_encoder",
    "VAEmodel",
]
