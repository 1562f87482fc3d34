"""Showing a figure to somebody who sits in front of the screen, and to nobody else."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.figure import Figure

from qdisc.show.style import styled

_NOTEBOOK = ("inline", "ipympl", "nbagg")


def is_interactive() -> bool:
    """Whether matplotlib's backend, as the user or the session chose it, can show figures."""
    return _backend()[1] != ""


def present(figure: Figure) -> Figure:
    """Show a figure if the backend is interactive, and return it either way.

    In a notebook the figure appears in the output; with a window system a window opens, as
    `matplotlib.pyplot.show` would do. Without either nothing happens.
    """
    name, kind = _backend()
    if kind == "notebook":
        from IPython.display import Image, display

        buffer = io.BytesIO()
        with styled():
            figure.savefig(buffer, format="png")
        display(Image(data=buffer.getvalue()))
    elif kind == "window":
        _window(figure, name)
    return figure


def _backend() -> tuple[str, str]:
    import matplotlib
    import matplotlib.pyplot
    from matplotlib.backends import BackendFilter, backend_registry

    name = matplotlib.get_backend()
    lower = name.lower()
    if any(word in lower for word in _NOTEBOOK):
        return name, "notebook"
    windows = backend_registry.list_builtin(BackendFilter.INTERACTIVE)
    return name, "window" if lower in {w.lower() for w in windows} else ""


def _window(figure: Figure, backend: str) -> Any:
    import matplotlib.pyplot as plt
    from matplotlib._pylab_helpers import Gcf
    from matplotlib.backends import backend_registry

    number = max(plt.get_fignums(), default=0) + 1
    canvas = backend_registry.load_backend_module(backend).FigureCanvas
    Gcf._set_new_active_manager(canvas.new_manager(figure, number))
    return plt.show()
