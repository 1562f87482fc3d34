"""Sweeps: one recipe at many seeds, parameters and datasets, as independent runs."""

from qdisc.sweep.executors import local, slurm
from qdisc.sweep.points import Point, Sweep, read_sweep
from qdisc.sweep.table import collect
from qdisc.sweep.work import run_point

__all__ = ["Point", "Sweep", "collect", "local", "read_sweep", "run_point", "slurm"]
