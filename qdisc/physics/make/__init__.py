"""Generated datasets: what table `[make]` of a recipe says, turned into snapshots.

`config` is the table, `makers` the models, `generate` runs over the settings (in several processes
where that pays), `journal` keeps finished settings on disk so that a long run can be continued.
"""

from qdisc.physics.make.config import Axis, MakeConfig
from qdisc.physics.make.generate import make_snapshots

__all__ = ["Axis", "MakeConfig", "make_snapshots"]
