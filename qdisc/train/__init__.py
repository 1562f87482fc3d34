"""Training: one pure jitted step, many of them per device call, decisions on the host."""

from qdisc.train.fit import ACTIVE, Epoch, Fit
from qdisc.train.loop import fit, init_state

__all__ = ["ACTIVE", "Epoch", "Fit", "fit", "init_state"]
