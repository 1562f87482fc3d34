"""How the discrete and the continuous half of hybrid data share the likelihood."""

from __future__ import annotations

import warnings

from jax.core import Tracer
from jaxtyping import Array, Float

from qdisc.errors import ConfigError


def hybrid_weights(
    alpha: float | Float[Array, ""] | None, normalize: bool = False
) -> tuple[float | Float[Array, ""], float | Float[Array, ""]]:
    """Weights (w_d, w_c) of the two halves of the reconstruction w_d R_d + w_c R_c.

    Without `alpha` both are one: R_d + R_c is minus the joint log likelihood of a row, and the loss
    is a true evidence bound. With `alpha` they are (alpha, 1 - alpha); alpha = 1/2 is then half the
    joint, which is the joint with beta and gamma doubled, and `normalize=True` doubles both weights
    so that alpha = 1/2 is the joint itself.

    Args:
        alpha: Share of the discrete half, in [0, 1], or None for the joint likelihood. A traced
            value is not checked.
        normalize: Double the weights that `alpha` gives.

    Returns:
        The weights of the discrete and of the continuous half.

    Raises:
        ConfigError: If alpha is outside [0, 1] or not finite.

    Warns:
        UserWarning: If alpha is exactly 0 or 1, because one half of the data is then ignored.
    """
    if alpha is None:
        return 1.0, 1.0
    if not isinstance(alpha, Tracer):
        alpha = float(alpha)
        if not 0.0 <= alpha <= 1.0:
            raise ConfigError(
                "alpha, the share of the discrete half of hybrid data, is not in [0, 1]",
                where="alpha",
                value=alpha,
                hint="leave alpha unset for the joint likelihood of both halves",
            )
        if alpha in (0.0, 1.0):
            dropped = "discrete" if alpha == 0.0 else "continuous"
            warnings.warn(
                f"alpha = {alpha:g} drops the {dropped} half of the hybrid data from the loss; "
                "leave alpha unset (None) for the joint likelihood of both halves",
                UserWarning,
                stacklevel=2,
            )
    scale = 2.0 if normalize else 1.0
    return scale * alpha, scale * (1.0 - alpha)
