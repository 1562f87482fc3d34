"""What a plugin says about itself: frozen, array-free, readable without running it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from qdisc._typing import DATA_TYPES
from qdisc.errors import PluginError

CONTRACT = "1.0"
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Common to all kinds of plugin.

    Attributes:
        name: `[a-z][a-z0-9_]*`; the name on the command line and of the HDF5 group.
        summary: One sentence for `qdisc plugins list`.
        version: The plugin's own version.
        contract: Version of the contract it was written for, "major.minor".
        data_kinds: Data types it understands.
        theta_dims: Numbers of theta axes it understands; None for any.
        citation: What to cite when it is used.
    """

    name: str
    summary: str
    version: str = "0.1.0"
    contract: str = CONTRACT
    data_kinds: tuple[str, ...] = DATA_TYPES
    theta_dims: tuple[int, ...] | None = None
    citation: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.match(self.name):
            raise PluginError(
                "a plugin's name starts with a letter and holds only a-z, 0-9 and _",
                value=self.name,
            )
        unknown = set(self.data_kinds) - set(DATA_TYPES)
        if unknown:
            raise PluginError(
                "unknown data kind", where=f"plugin {self.name}", value=sorted(unknown),
                hint=f"known: {', '.join(DATA_TYPES)}",
            )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class LoaderSpec(Spec):
    """A loader.

    Attributes:
        site_order: In words, which character or column is site 0.
        folders: Whether it reads folders, not files.
    """

    site_order: str = ""
    folders: bool = False


@dataclass(frozen=True, kw_only=True)
class ModelSpec(Spec):
    """A model."""


@dataclass(frozen=True, kw_only=True)
class ObservableSpec(Spec):
    """An observable.

    Attributes:
        units: Unit of the value.
        long_name: What is measured, in words.
        dims: Names of the axes behind the sample axis, () for one number per snapshot.
    """

    units: str = "1"
    long_name: str = ""
    dims: tuple[str, ...] = ()


@dataclass(frozen=True)
class Provides:
    """One output of an analysis; "theta" in `dims` stands for all theta dimensions.

    An `optional` output may be missing: some models or kinds of data do not have it.
    """

    name: str
    dims: tuple[str, ...]
    dtype: str = "float32"
    units: str = "1"
    long_name: str = ""
    optional: bool = False


@dataclass(frozen=True, kw_only=True)
class AnalysisSpec(Spec):
    """An analysis.

    Attributes:
        needs: What must be there: `model`, `dataset`, `latent`, `training`,
            `observable:<name>`, `analysis:<name>/<var>`.
        optional_needs: The same, used when there.
        provides: Its outputs.
        default: Whether it runs when the user names no list.
    """

    needs: tuple[str, ...] = ()
    optional_needs: tuple[str, ...] = ()
    provides: tuple[Provides, ...] = ()
    default: bool = False
