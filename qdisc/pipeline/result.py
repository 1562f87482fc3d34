"""`qdisc.Result`: a result file that can also draw itself and rebuild its model."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qdisc.config import convert
from qdisc.plugin.registry import Registry
from qdisc.results.reader import ResultFile, open_result_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from qdisc.analysis.model import Model


class Result(ResultFile):
    """An open result file; everything is read when it is asked for.

    Attributes:
        path: The file.
        figures: Figures that the run drew beside it.
        exit_code: 0, or 3 when something that was selected failed.
    """

    def __init__(self, path: str | os.PathLike[str], figures: Sequence[Path] = ()) -> None:
        super().__init__(path)
        self.figures = tuple(figures)

    @property
    def exit_code(self) -> int:
        """0 when everything selected succeeded, else 3."""
        return int(self.group("/provenance").attrs.get("exit_code", 0))

    def plot(self, what: str = "latent_map", **options: Any) -> Figure:
        """Draw one figure from the file; see `qdisc.show.figures.plot`."""
        from qdisc.show.figures import plot

        return plot(self, what, **options)

    def table(self) -> str:
        """Summary of the run as plain text."""
        from qdisc.show.table import summary_text

        return summary_text(self, self.figures)

    def model(self, registry: Registry | None = None) -> Model:
        """Rebuild the trained model: `encode`, `decode`, `sample`.

        Raises:
            PluginError: The model's plugin is not installed.
            ResultError: The file holds no model, or one with an unknown objective.
        """
        from qdisc.analysis.model import Model
        from qdisc.pipeline.objectives import known
        from qdisc.pipeline.readout import behind_readout, take
        from qdisc.train.start import with_dtype

        attrs = self.group("/model").attrs
        plugin = (registry or Registry()).get("model", str(attrs["plugin"]))
        options = tomllib.loads(str(attrs.get("config", "")))
        module = plugin.build(self.data_spec, convert(options, plugin.Config, "model"))
        if "readout" in attrs:
            table = tomllib.loads(str(attrs["readout"]))
            module = behind_readout(module, take({"readout": table}), self.data_spec)
        if self.has("/model/objective"):
            own = self.group("/model/objective").attrs
            entry = known(str(own["name"]))
            alpha = float(own["alpha"]) if "alpha" in own else None
            options = tomllib.loads(str(own["config"]))
            config = convert(options, entry.Config, "model.objective") if entry.Config else None
            module = entry.wrap(module, config, self.data_spec, alpha)
        # Parameters are stored in single precision, so that is what the module computes in.
        return Model(with_dtype(module, "float32"), {"params": self.params()}, self.data_spec)


def open_result(path: str | os.PathLike[str]) -> Result:
    """Open a result file.

    Args:
        path: A file written by `qdisc run` or `qdisc.discover`.

    Raises:
        ResultError: Not a result, damaged, or written by a newer major version.
    """
    return Result(open_result_file(path).path)
