"""Training: one pure jitted step, many of them per device call, decisions on the host."""

from qdisc.train.ensemble import fit_ensemble
from qdisc.train.fit import ACTIVE, Epoch, Fit
from qdisc.train.loop import fit, init_state

__all__ = ["ACTIVE", "Epoch", "Fit", "fit", "fit_ensemble", "init_state"]
