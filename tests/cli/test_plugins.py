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
