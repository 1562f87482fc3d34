"""What plugin authors import. Nothing here starts jax."""

from qdisc.config import Config
from qdisc.plugin.dataspec import DataSpec
from qdisc.plugin.protocols import Analysis, Loader, Model, Observable
from qdisc.plugin.registry import GROUPS, KINDS, Found, Registry
from qdisc.plugin.spec import (
    CONTRACT,
    AnalysisSpec,
    LoaderSpec,
    ModelSpec,
    ObservableSpec,
    Provides,
    Spec,
)
from qdisc.plugin.variable import Variable

__all__ = [
    "CONTRACT",
    "GROUPS",
    "KINDS",
    "Analysis",
    "AnalysisSpec",
    "Config",
    "DataSpec",
    "Found",
    "Loader",
    "LoaderSpec",
    "Model",
    "ModelSpec",
    "Observable",
    "ObservableSpec",
    "Provides",
    "Registry",
    "Spec",
    "Variable",
]
