"""Writes the package of a new plugin: what `qdisc plugins new` does.

The package is complete: it installs, its tests pass, and what it does is a small example to be
replaced. Templates are plain text beside this file; only `${...}` is filled in.
"""

from __future__ import annotations

import importlib.metadata
import re
from dataclasses import dataclass
from pathlib import Path
from string import Template

from qdisc.errors import ConfigError, PluginError
from qdisc.plugin.registry import GROUPS, KINDS, Registry

LONGEST = 24  # letters of a name, so that no generated line is too long
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
_TEMPLATES = Path(__file__).parent / "templates"
_DEPENDENCIES = {
    "observable": ("numpy>=2.0",),
    "analysis": ("numpy>=2.0",),
    "loader": (),
    "model": ("jax>=0.10", "flax>=0.12"),
}
_USE = {
    "observable": "Every run maps it over theta, for the data and for samples of the model.",
    "analysis": "Every run calls it; `[analyses.{name}]` in a recipe sets its options.",
    "loader": "`qdisc load FILE --dry-run` shows what it understands of a file.",
    "model": '`name = "{name}"` in the table `[model]` of a recipe trains it.',
}


@dataclass(frozen=True)
class Package:
    """A generated package.

    Attributes:
        name: Name of the distribution.
        folder: Where it is.
        files: Its files, relative to the folder; the plugin first.
    """

    name: str
    folder: Path
    files: tuple[Path, ...]


def write_package(name: str, kind: str, parent: Path | str = ".") -> Package:
    """Write the package `qdisc-<name>` of a new plugin into a folder.

    Args:
        name: Name of the plugin: letters a-z, digits, single underscores between them.
        kind: observable, analysis, loader or model.
        parent: Folder in which the package gets a folder of its own.

    Raises:
        ConfigError: The name cannot be one, is taken, or the folder exists.
        PluginError: No such kind.
    """
    if kind not in KINDS:
        raise PluginError("no such kind of plugin", where="--kind", value=kind,
                          hint=" | ".join(KINDS))  # fmt: skip
    package = f"qdisc-{name}".replace("_", "-")
    _check_name(name, kind, package)
    folder = Path(parent) / package
    if folder.exists():
        raise ConfigError("the folder exists; nothing was written", where=str(folder), value=name,
                          hint="another name, or move the folder away")  # fmt: skip
    files = _files(name, kind, package)
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return Package(package, folder, tuple(files))


def _check_name(name: str, kind: str, package: str) -> None:
    if not _NAME.match(name) or len(name) > LONGEST:
        raise ConfigError(
            "a plugin's name starts with a letter and holds only a-z, 0-9 and single underscores "
            f"inside, at most {LONGEST} of them", where="NAME", value=name,
            hint=_likely(name) or "structure_factor",
        )  # fmt: skip
    registry = Registry()
    if name in registry.names(kind):
        (owner,) = (f.package for f in registry.list() if (f.kind, f.name) == (kind, name))
        raise ConfigError(
            f"{owner} has {_article(kind).lower()} {kind} of this name; two would be ambiguous",
            where="NAME", value=name, hint=f"my_{name}",
        )  # fmt: skip
    try:
        importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return
    raise ConfigError("a package of this name is installed", where="NAME", value=package,
                      hint=f"my_{name}, or pip uninstall {package}")  # fmt: skip


def _likely(name: str) -> str:
    """The nearest name that is allowed; "" if nothing is left."""
    words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())
    guess = "_".join(words).lstrip("0123456789_")[:LONGEST].rstrip("_")
    return guess if _NAME.match(guess) else ""


def _files(name: str, kind: str, package: str) -> dict[Path, str]:
    from qdisc import __version__

    module = package.replace("-", "_")
    words = {
        "name": name, "Name": "".join(part.capitalize() for part in name.split("_")),
        "kind": kind, "article": _article(kind), "package": package, "module": module,
        "group": GROUPS[kind], "qdisc": ".".join(__version__.split(".")[:2]),
        "dependencies": "".join(f', "{d}"' for d in _DEPENDENCIES[kind]),
        "use": _USE[kind].format(name=name),
    }  # fmt: skip
    source = Path("src") / module
    places = {
        source / f"{kind}.py": f"{kind}/plugin.py.in",
        Path("tests") / f"test_{name}.py": f"{kind}/test.py.in",
        Path("pyproject.toml"): "common/pyproject.toml.in",
        Path("README.md"): "common/README.md.in",
        source / "__init__.py": "common/init.py.in",
    }
    return {
        path: Template((_TEMPLATES / template).read_text(encoding="utf-8")).substitute(words)
        for path, template in places.items()
    }


def _article(kind: str) -> str:
    return "An" if kind[0] in "ao" else "A"
