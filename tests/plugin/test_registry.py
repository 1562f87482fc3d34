"""Every state of a plugin, with real packages on the path."""

from __future__ import annotations

import sys
import textwrap

import pytest

from qdisc.errors import PluginError
from qdisc.plugin import CONTRACT, Config, LoaderSpec, ObservableSpec, Registry

GOOD = """
    from qdisc.plugin import ObservableSpec

    class Parity:
        spec = ObservableSpec(name="parity", summary="product of spins")

        def __call__(self, snapshots, data_spec):
            return snapshots.prod(1)

    parity = Parity()
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package: its module, and the dist-info folder that pip writes."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made = []

    def function(package, source, entries, version="1.0", folder=tmp_path):
        folder.mkdir(exist_ok=True)
        (folder / f"{package}.py").write_text(textwrap.dedent(source))
        info = folder / f"{package}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        )
        (info / "entry_points.txt").write_text(textwrap.dedent(entries))
        made.append(package)
        return folder

    yield function
    for name in made:
        sys.modules.pop(name, None)


def _entry(target, name="parity"):
    return f"[qdisc.observables]\n{name} = {target}\n"


def _state(name="parity"):
    return Registry().load("observable", name)


def test_found_without_importing(install):
    install("pkg_found", "raise SystemError('imported')", _entry("pkg_found:parity"))
    found = {f.name: f for f in Registry().list()}["parity"]
    assert (found.state, found.package) == ("found", "pkg_found 1.0")
    assert found.target == "pkg_found:parity" and "pkg_found" not in sys.modules


def test_loaded(install):
    install("pkg_good", GOOD, _entry("pkg_good:parity"))
    registry = Registry()
    assert registry.get("observable", "parity").spec.summary == "product of spins"
    assert registry.load("observable", "parity").state == "loaded"
    assert registry.load("observable", "parity") is registry.load("observable", "parity")


def test_a_class_and_a_function_are_plugins_too(install):
    install("pkg_class", GOOD, _entry("pkg_class:Parity"))
    assert _state().state == "loaded"
    source = """
        from qdisc.plugin import ObservableSpec
        def charge(snapshots, data_spec):
            return snapshots.sum(1)
        charge.spec = ObservableSpec(name="charge", summary="total charge")
    """
    install("pkg_function", source, _entry("pkg_function:charge", "charge"))
    found = _state("charge")
    assert found.state == "loaded", found.reason


def test_ambiguous_lists_both(install):
    install("pkg_one", GOOD, _entry("pkg_one:parity"))
    install("pkg_two", GOOD, _entry("pkg_two:parity"), version="2.1")
    found = {f.name: f for f in Registry().list()}["parity"]
    assert found.state == "ambiguous"
    assert "pkg_one 1.0" in found.reason and "pkg_two 2.1" in found.reason
    with pytest.raises(PluginError, match="is ambiguous") as caught:
        Registry().get("observable", "parity")
    assert "pkg_one" in str(caught.value) and "pkg_two" in str(caught.value)
    assert "uninstall one" in str(caught.value) and "pkg_one" not in sys.modules


def test_two_packages_are_ambiguous_even_for_the_same_object(install):
    install("pkg_a", GOOD, _entry("pkg_a:parity"))
    install("pkg_b", GOOD, _entry("pkg_a:parity"))
    assert _state().state == "ambiguous"


def test_an_editable_install_is_listed_once(install, tmp_path, monkeypatch):
    """Its metadata can lie in two folders of the path."""
    install("pkg_edit", GOOD, _entry("pkg_edit:parity"))
    other = install("pkg_edit", GOOD, _entry("pkg_edit:parity"), folder=tmp_path / "src")
    monkeypatch.syspath_prepend(str(other))
    assert _state().state == "loaded"


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        ("import no_such_module", "pkg_x:parity", "ModuleNotFoundError: No module named"),
        ("1 / 0", "pkg_x:parity", "ZeroDivisionError"),
        ("def broken(:", "pkg_x:parity", "SyntaxError"),
        ("import sys; sys.exit(3)", "pkg_x:parity", "SystemExit: 3"),
        ("x = 1", "pkg_x:parity", "AttributeError"),
        ("class P:\n    def __init__(self): raise ValueError('no')", "pkg_x:P", "ValueError: no"),
        (
            "class P:\n    @property\n    def spec(self): raise ValueError('no spec')\np = P()",
            "pkg_x:p",
            "ValueError: no spec",
        ),
        (
            "from qdisc.plugin import ObservableSpec\nObservableSpec(name='Bad', summary='')",
            "pkg_x:parity",
            "PluginError: a plugin's name",
        ),
    ],
)
def test_broken(install, source, target, reason):
    folder = install("pkg_x", "", _entry(target))
    (folder / "pkg_x.py").write_text(source)
    found = _state()
    assert found.state == "broken" and reason in found.reason
    assert "Traceback" in found.traceback
    with pytest.raises(PluginError, match="is broken") as caught:
        Registry().get("observable", "parity")
    assert "pkg_x 1.0" in str(caught.value) and "qdisc plugins show parity" in str(caught.value)


def test_a_broken_package_harms_nobody_else(install):
    install("pkg_broken", "1 / 0", _entry("pkg_broken:x", "aaa"))
    install("pkg_fine", GOOD, _entry("pkg_fine:parity"))
    states = {f.name: f.state for f in Registry().list(load=True) if f.kind == "observable"}
    assert states["aaa"] == "broken" and states["parity"] == "loaded"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("(self, snapshots, data_spec)", "(self, samples, data_spec)", "must take exactly"),
        ("(self, snapshots, data_spec)", "(self, snapshots)", "(snapshots, data_spec)"),
        ("(self, snapshots, data_spec)", "(self, snapshots, data_spec, x=1)", "must take exactly"),
        ("def __call__", "def call", "missing"),
        ('name="parity"', 'name="partiy"', "entry point 'parity', but spec.name='partiy'"),
        ("    spec =", "    spek =", "`spec` must be a ObservableSpec"),
        ("ObservableSpec", "LoaderSpec", "`spec` must be a ObservableSpec"),
    ],
)
def test_invalid(install, old, new, reason):
    install("pkg_invalid", GOOD.replace(old, new), _entry("pkg_invalid:parity"))
    found = _state()
    assert found.state == "invalid" and reason in found.reason, found.reason
    assert found.obj is None


@pytest.mark.parametrize(
    ("contract", "reason"),
    [
        ("2.0", "upgrade qdisc"),
        ("1.1", "upgrade qdisc"),
        ("0.9", "upgrade pkg_old"),
        ("one", "not of the form"),
    ],
)
def test_incompatible(install, contract, reason):
    source = GOOD.replace("summary=", f'contract="{contract}", summary=')
    install("pkg_old", source, _entry("pkg_old:parity"))
    found = _state()
    assert found.state == "incompatible" and reason in found.reason, found.reason
    assert contract in found.reason
    if reason.startswith("upgrade"):
        assert CONTRACT in found.reason


def test_config_is_part_of_the_contract(install):
    source = """
        from qdisc.plugin import LoaderSpec
        class L:
            spec = LoaderSpec(name="labs", summary="")
            def guess(self, path): return False
            def load(self, path, config): return None
            class Config: pass
        loader = L()
    """
    install("pkg_conf", source, "[qdisc.loaders]\nlabs = pkg_conf:loader\n")
    found = Registry().load("loader", "labs")
    assert found.state == "invalid" and "`Config` must be a subclass" in found.reason


def test_unknown_names_the_nearest(install):
    install("pkg_near", GOOD, _entry("pkg_near:parity"))
    with pytest.raises(PluginError, match="no observable plugin is called 'partiy'") as caught:
        Registry().get("observable", "partiy")
    assert "did you mean 'parity'?" in str(caught.value)
    assert "qdisc.observables" in str(caught.value)


class Given:
    spec = LoaderSpec(name="given", summary="given directly")

    class Config(Config):
        pass

    def guess(self, path):
        return False

    def load(self, path, config):
        return None


def test_extra_plugins():
    registry = Registry(extra=[("loader", Given())])
    assert isinstance(registry.get("loader", "given"), Given)
    assert "given" in registry.names("loader") and "npz" in registry.names("loader")
    assert registry.load("loader", "given").package == "given directly"
    assert isinstance(Registry(extra=[("loader", Given)]).get("loader", "given"), Given)


def test_extra_replaces_an_installed_one(install):
    install("pkg_installed", GOOD, _entry("pkg_installed:parity"))

    class Mine:
        spec = ObservableSpec(name="parity", summary="mine")

        def __call__(self, snapshots, data_spec):
            return snapshots[:, 0]

    registry = Registry(extra=[("observable", Mine())])
    assert registry.get("observable", "parity").spec.summary == "mine"
    assert [f.name for f in registry.list() if f.name == "parity"] == ["parity"]


def test_extra_that_is_wrong_keeps_its_state():
    registry = Registry(extra=[("loader", object())])
    assert registry.load("loader", "object").state == "invalid"


def test_the_built_in_loaders_pass():
    registry = Registry()
    for name in ("npz", "qdisc_hdf5"):
        found = registry.load("loader", name)
        assert found.state == "loaded", found.reason
        assert "site" in found.obj.spec.site_order
