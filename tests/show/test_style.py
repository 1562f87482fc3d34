"""Figures are files with the same bytes every time, and matplotlib's state is left alone."""

from __future__ import annotations

import subprocess
import sys

import matplotlib
import numpy as np
import pytest

from qdisc.errors import ResultError
from qdisc.show.latent import latent_figure
from qdisc.show.present import is_interactive, present
from qdisc.show.style import save, styled
from qdisc.show.sweep import Sweep

SWEEP = Sweep.grid([np.linspace(0, 1, 4), np.linspace(-1, 1, 5)], ["J2", "h"], ["J1", "1"])
MAPS = {"mu": np.linspace(-1, 1, 40).reshape(4, 5, 2), "kl": np.ones((4, 5, 2))}


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_the_same_figure_twice_gives_the_same_bytes(tmp_path, ending):
    first = save(latent_figure(SWEEP, MAPS, [0, 1]), tmp_path / f"a.{ending}").read_bytes()
    second = save(latent_figure(SWEEP, MAPS, [0, 1]), tmp_path / f"b.{ending}").read_bytes()
    assert first == second and len(first) > 1000
    assert b"CreationDate" not in first and b"<dc:date>" not in first


def test_the_users_own_settings_do_not_reach_the_file(tmp_path):
    plain = save(latent_figure(SWEEP, MAPS, [0]), tmp_path / "a.png").read_bytes()
    with matplotlib.rc_context({"font.size": 30, "image.cmap": "jet", "savefig.dpi": 10}):
        styled_one = save(latent_figure(SWEEP, MAPS, [0]), tmp_path / "b.png").read_bytes()
        assert matplotlib.rcParams["font.size"] == 30
    assert plain == styled_one


def test_text_in_pdf_is_truetype(tmp_path):
    data = save(latent_figure(SWEEP, MAPS, [0]), tmp_path / "a.pdf").read_bytes()
    assert b"/Type3" not in data


def test_global_settings_are_restored():
    before = dict(matplotlib.rcParams)
    with styled():
        assert matplotlib.rcParams["font.size"] == 8
    assert dict(matplotlib.rcParams) == before


def test_an_unknown_ending_or_a_missing_folder_is_refused(tmp_path):
    figure = latent_figure(SWEEP, MAPS, [0])
    with pytest.raises(ResultError, match=r"(?s)\.png, \.pdf or \.svg.*bmp"):
        save(figure, tmp_path / "a.bmp")
    with pytest.raises(ResultError, match=r"(?s)cannot be written.*No such file"):
        save(figure, tmp_path / "nowhere" / "a.png")


def test_drawing_does_not_import_pyplot():
    code = (
        "import sys, qdisc.show.figures, qdisc.show.maps, qdisc.show.snapshots;"
        "assert 'matplotlib.pyplot' not in sys.modules;"
        "assert 'jax' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nothing_is_shown_without_a_screen():
    figure = latent_figure(SWEEP, MAPS, [0])
    matplotlib.use("agg")
    assert not is_interactive()
    assert present(figure) is figure


def test_a_notebook_gets_an_image(monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", shown.append)
    monkeypatch.setattr(matplotlib, "get_backend", lambda: "module://matplotlib_inline")
    figure = latent_figure(SWEEP, MAPS, [0])
    assert present(figure) is figure
    assert shown[0].data.startswith(b"\x89PNG")


def test_a_window_belongs_to_pyplot(monkeypatch):
    import matplotlib.pyplot as plt

    shown = []
    monkeypatch.setattr("qdisc.show.present._backend", lambda: ("agg", "window"))
    monkeypatch.setattr(plt, "show", lambda: shown.extend(plt.get_fignums()))
    figure = latent_figure(SWEEP, MAPS, [0])
    try:
        assert present(figure) is figure
        assert len(shown) == 1 and plt.figure(shown[0]) is figure
    finally:
        plt.close(figure)
