"""The Hamiltonian evidence bound (Caterini, Doucet & Sejdinovic, arXiv:1805.11328), in functions.

Rows come first in every array. The decoder enters as a function z -> (log p(x|z), output).
"""

from qdisc.objectives.hamiltonian.bound import (
    LogPWeights,
    LogQWeights,
    Noise,
    Sample,
    gaussian_start,
    hamiltonian_elbo,
    hamiltonian_sample,
    log_p_bar,
    log_q_bar,
    named,
)
from qdisc.objectives.hamiltonian.force import (
    METHODS,
    Force,
    grad_potential_energy,
    log_standard_normal,
    potential_energy,
    warn_if_stopped,
)
from qdisc.objectives.hamiltonian.leapfrog import (
    Path,
    PhaseSpace,
    leapfrog_step,
    leapfrog_tempering_step,
    step_sizes,
)
from qdisc.objectives.hamiltonian.tempering import (
    TEMPERINGS,
    free_tempering,
    null_tempering,
    quadratic_temperature_tempering,
    quadratic_tempering,
    schedule,
)

__all__ = [
    "METHODS",
    "TEMPERINGS",
    "Force",
    "LogPWeights",
    "LogQWeights",
    "Noise",
    "Path",
    "PhaseSpace",
    "Sample",
    "free_tempering",
    "gaussian_start",
    "grad_potential_energy",
    "hamiltonian_elbo",
    "hamiltonian_sample",
    "leapfrog_step",
    "leapfrog_tempering_step",
    "log_p_bar",
    "log_q_bar",
    "log_standard_normal",
    "named",
    "null_tempering",
    "potential_energy",
    "quadratic_temperature_tempering",
    "quadratic_tempering",
    "schedule",
    "step_sizes",
    "warn_if_stopped",
]
