"""`qdisc plugins`: listing reads metadata only, showing tells everything that is known."""

from __future__ import annotations

import subprocess
import sys

from qdisc.cli.main import main
from qdisc.cli.options import options
from qdisc.cli.plugins import card
from qdisc.config import TrainConfig
from qdisc.plugin import Config, Found


def test_listing_imports_no_plugin():
    code = (
        "import sys; from qdisc.cli.main import main; assert main(['plugins', 'list']) == 0;"
        "loaded = {'jax', 'h5py', 'matplotlib', 'netket', 'flax'} & set(sys.modules);"
        "assert not loaded, loaded;"
        "assert not [m for m in sys.modules if m.startswith('qdisc.nn')]"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["kind", "name", "package", "state"]
    assert any(line.split()[:2] == ["analysis", "latent_map"] for line in lines)
    assert all(line.split()[-1] == "found" for line in lines[1:])


def test_a_name_that_is_not_installed(capsys):
    assert main(["plugins", "show", "latent_mop"]) == 2
    assert "did you mean 'latent_map'?" in capsys.readouterr().err
    assert main(["plugins", "show", "latent_map", "--kind", "model"]) == 2
    assert "no model plugin is called 'latent_map'" in capsys.readouterr().err


def test_the_card_of_a_loader_names_its_options_and_bit_order(capsys):
    assert main(["plugins", "show", "npz"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "state:          loaded" in lines
    assert any(line.startswith("site order:") for line in lines)
    assert any(line.startswith("  data_type: str | None = None") for line in lines)


def test_check_says_what_failed_and_where(capsys, tmp_path, monkeypatch):
    (tmp_path / "pkg_few.py").write_text(
        "from qdisc.plugin import ObservableSpec\n"
        "class P:\n"
        "    spec = ObservableSpec(name='too_few', summary='x', data_kinds=('discrete',))\n"
        "    def __call__(self, snapshots, data_spec):\n"
        "        return snapshots[1:, 0]\n"
        "plugin = P()\n"
    )
    info = tmp_path / "pkg_few-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pkg-few\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text(
        "[qdisc.observables]\ntoo_few = pkg_few:plugin\nlost = pkg_few:nothing\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert main(["plugins", "check", "magnetisation", "--kind", "observable"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok    observable magnetisation  qdisc ")
    assert lines[-1] == "1 plugin: 1 ok, 0 failed"
    assert main(["plugins", "check", "--package", "pkg-few"]) == 1
    out = capsys.readouterr().out
    assert "FAIL  observable lost     pkg-few 2.0: broken\n      AttributeError" in out
    assert "FAIL  observable too_few  pkg-few 2.0: " in out
    assert "one value per snapshot is wanted" in out and "observable too_few" in out
    assert out.endswith("2 plugins: 0 ok, 2 failed\n")
    assert main(["plugins", "check", "npz", "--verbose"]) == 0
    out = capsys.readouterr().out
    assert "ok   refuses_other_files" in out and "--file FILE` checks reading" in out


def test_check_of_what_is_not_there(capsys, tmp_path):
    for arguments, words in (
        (["latent_mop"], "did you mean 'latent_map'?"),
        (["--package", "qdisc-format"], "did you mean 'qdisc-formats'?"),
        (["latent_map", "--file", "x"], "--file goes with the name of one loader"),
        (["npz", "--file", str(tmp_path / "x")], "no such file"),
    ):
        assert main(["plugins", "check", *arguments]) == 2
        assert words in capsys.readouterr().err


def test_a_loader_is_checked_on_a_file(capsys, tmp_path):
    from qdisc.dataset.loaders.npz import save_npz
    from qdisc.testing import tiny_datasets

    save_npz(tiny_datasets()["discrete_grid"], tmp_path / "a.npz")
    assert main(["plugins", "check", "npz", "--file", str(tmp_path / "a.npz"), "-v"]) == 0
    assert "ok   survives_damage" in capsys.readouterr().out


def test_a_broken_plugin_shows_reason_and_traceback():
    found = Found("model", "m", "p 1", "p:m", "broken", "ImportError: no", traceback="Trace\n")
    lines = card(found)
    assert lines[4:] == ["state:          broken", "reason:         ImportError: no", "", "Trace"]


def test_options_come_with_type_default_and_meaning():
    class Base(Config):
        """Base.

        Attributes:
            size: How large,
                in sites.
        """

        size: int

    class Example(Base):
        """Example.

        Attributes:
            names (tuple): Which ones.

        Raises:
            nothing: Not an option.
        """

        names: tuple[str, ...] = ("a",)
        weight: float | None = None

    assert options(Example) == [
        "  size: int = (required)  How large, in sites.",
        "  names: tuple[str, ...] = ('a',)  Which ones.",
        "  weight: float | None = None",
    ]
    assert options(TrainConfig)[0].startswith("  epochs: int = 30  Passes over the snapshots;")
