"""Datasets made as table `[make]` of a recipe says.

`config` is the table of a model, `makers` the models, `generate` runs over the settings (in several
processes where that pays), `journal` keeps finished settings on disk so that a long run can be
continued. `source` is the table of an experiment, whose file is read. `build` is the door to both.
"""

from qdisc.physics.make.build import build, make_config
from qdisc.physics.make.config import Axis, MakeConfig
from qdisc.physics.make.generate import make_snapshots
from qdisc.physics.make.source import SourceConfig, reduced

__all__ = [
    "Axis",
    "MakeConfig",
    "SourceConfig",
    "build",
    "make_config",
    "make_snapshots",
    "reduced",
]
