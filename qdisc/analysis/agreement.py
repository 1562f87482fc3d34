"""How well model samples reproduce an observable over the sweep, in two numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qdisc.plugin.variable import Variable


def agreement(outputs: Mapping[str, Variable]) -> tuple[float, float]:
    """Relative deviation and root mean square z-score of an observable.

        deviation = mean |model - data| / (max data - min data)      over theta
        z         = sqrt mean (model - data)^2 / (error_model^2 + error_data^2)

    Both run over all settings (and extra axes) where the numbers exist. z near 1 means that the
    model is as good as the shots can tell. Model samples start from latents of the same shots, so
    that their fluctuations are partly shared: z can be a little below 1.

    Returns:
        (deviation, z); NaN where nothing can be compared or the observable does not vary.
    """
    if "model_value" not in outputs:
        return np.nan, np.nan
    names = ("value", "model_value", "std_error", "model_std_error")
    data, model, error, model_error = (outputs[n].data.astype(np.float64) for n in names)
    there = np.isfinite(data) & np.isfinite(model)
    if not there.any():
        return np.nan, np.nan
    difference = np.abs(model - data)[there]
    spread = np.ptp(data[there])
    deviation = float(difference.mean() / spread) if spread > 0 else np.nan
    total = np.hypot(error, model_error)[there]
    sure = np.isfinite(total) & (total > 0)
    z = float(np.sqrt(np.mean((difference[sure] / total[sure]) ** 2))) if sure.any() else np.nan
    return deviation, z
