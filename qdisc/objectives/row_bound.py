"""What a model that brings its own evidence bound tells a training step."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Array, Float


class RowBound(NamedTuple):
    """Terms of the loss of each row, in nats: loss = reconstruction + beta rate + gamma TC.

    Their gradients are what is trained, so surrogates are welcome; their values are reported.

    Attributes:
        reconstruction: Minus the log likelihood (rows,).
        rate: What the latents cost beside it (rows,); their sum is minus a sample of the bound.
        z: Samples of q(z|x) that total correlation is measured at (rows, latents).
    """

    reconstruction: Float[Array, " rows"]
    rate: Float[Array, " rows"]
    z: Float[Array, "rows latents"]
