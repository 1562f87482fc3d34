"""The only place that wires the chain: dataset, model, training, analyses, result, figures."""

from qdisc.pipeline.result import Result, open_result
from qdisc.pipeline.run import demo, discover, repeat, run

__all__ = ["Result", "demo", "discover", "open_result", "repeat", "run"]
