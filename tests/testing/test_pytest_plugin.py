"""The pytest marker and `run_plugin`, as a plugin's author uses them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from qdisc.errors import PluginError
from qdisc.plugin import Registry
from qdisc.testing import ConformanceError, run_plugin, tiny_datasets, tiny_model

TESTS = """
import pytest
from qdisc.plugin import ObservableSpec

class Centred:
    spec = ObservableSpec(name="centred", summary="x", data_kinds=("discrete",))
    def __call__(self, snapshots, data_spec):
        return snapshots.sum(1) - snapshots.sum(1).mean()

@pytest.mark.qdisc_plugin(Centred())
def test_a(conformance_check):
    conformance_check()

@pytest.mark.qdisc_plugin(Centred, expected_failures={"independent_of_batching": "on purpose"})
def test_b(conformance_check):
    conformance_check()

@pytest.mark.qdisc_plugin(Centred, expected_failures={"loads": "never"})
def test_c(conformance_check):
    conformance_check()
"""
WRONG = """
import pytest
def test_no_marker(conformance_check):
    pass
"""


def pytest_run(folder, source):
    (folder / "test_it.py").write_text(source)
    some = "loads or independent_of_batching or marker"  # a few, because they take a second each
    command = [sys.executable, "-m", "pytest", "-q", "--strict-markers", "-rA", "-k", some, folder]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider"], capture_output=True, text=True, cwd=folder
    )
    return done.stdout


def test_one_test_per_check(tmp_path):
    out = pytest_run(tmp_path, TESTS)
    assert "PASSED test_it.py::test_a[loads]" in out
    assert "FAILED test_it.py::test_a[independent_of_batching]" in out
    assert "XFAIL test_it.py::test_b[independent_of_batching] - on purpose" in out
    assert "FAILED test_it.py::test_c[loads] - [XPASS(strict)] never" in out
    assert "FAILED test_it.py::test_b" not in out


def test_the_fixture_needs_a_plugin(tmp_path):
    out = pytest_run(tmp_path, WRONG)
    assert "needs the plugin: @pytest.mark.qdisc_plugin(my_plugin)" in out


def test_qdisc_in_the_environment_costs_pytest_nothing():
    """The entry point is imported by every pytest: it must start no jax."""
    code = (
        "import sys, qdisc.testing, qdisc.testing.pytest_plugin;"
        "assert not {'jax', 'h5py', 'flax', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_run_plugin_gives_the_variables_of_an_observable():
    dataset = tiny_datasets()["discrete_grid"]
    found = run_plugin(Registry().get("observable", "magnetisation"), dataset)
    spins = 2 * dataset.samples.astype(float) - 1
    mean = [spins[dataset.point == n].mean() for n in range(6)]
    np.testing.assert_allclose(found["value"].data.ravel(), mean, rtol=1e-6)


def test_run_plugin_gives_an_analysis_its_model_and_options():
    dataset = tiny_datasets()["discrete_line"]
    latent_map = Registry().get("analysis", "latent_map")
    found = run_plugin(latent_map, dataset, tiny_model(dataset), bins=7)
    assert found["histogram"].data.shape[-1] == 7
    with pytest.raises(ConformanceError, match="did not run: it is skipped") as caught:
        run_plugin(latent_map, dataset)
    assert "needs" in str(caught.value)


def test_run_plugin_raises_what_the_plugin_raises():
    from qdisc.plugin import ObservableSpec

    class Broken:
        spec = ObservableSpec(name="broken", summary="divides by zero")

        def __call__(self, snapshots, data_spec):
            return 1 / 0

    dataset = tiny_datasets()["discrete_line"]
    with pytest.raises(ZeroDivisionError):
        run_plugin(Broken, dataset)
    with pytest.raises(ConformanceError, match="only observables and analyses are run"):
        run_plugin(Registry().get("loader", "npz"), dataset)
    assert issubclass(ConformanceError, PluginError)
