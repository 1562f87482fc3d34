"""Bounds for any pair of networks, discrete, continuous or mixed, from log densities alone.

Three floors: `estimators`, functions of log p and log q; `losses`, pure functions of weights and
objects that keep a history; `recipes`, trainings in one line:

    fit(reweighted_wake_sleep(inf_net, gen_model, n_samples=16), data, steps=2000)
"""

from qdisc.objectives.blackbox.losses import (
    ELBO,
    IWAE,
    VIMCO,
    Aux,
    Loss,
    ScoreELBO,
    SleepPhi,
    WakePhi,
    WakeTheta,
    asleep,
    awake,
)
from qdisc.objectives.blackbox.networks import GenerativeModel, InferenceNetwork
from qdisc.objectives.blackbox.recipes import fit, reweighted_wake_sleep, wake_sleep, wake_wake
from qdisc.objectives.blackbox.regularisers import beta_regulariser, normal_regulariser

__all__ = [
    "ELBO", "IWAE", "VIMCO", "Aux", "GenerativeModel", "InferenceNetwork", "Loss", "ScoreELBO",
    "SleepPhi", "WakePhi", "WakeTheta", "asleep", "awake", "beta_regulariser", "fit",
    "normal_regulariser", "reweighted_wake_sleep", "wake_sleep", "wake_wake",
]  # fmt: skip
