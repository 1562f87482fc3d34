"""Build the wheel, install it with its dependencies into an empty environment, and use it there.

`make wheel` runs this file. Nothing of the checkout is in reach of what is tested: the working
directory is a temporary one, and the interpreters are those of new environments.
"""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NEWEST = "python3.13"
IMPORT_ALL = """
import importlib, pkgutil, qdisc
names = [m.name for m in pkgutil.walk_packages(qdisc.__path__, "qdisc.")
         if not m.name.endswith("__main__")]
extras = {"qdisc.estimators.": "sklearn"}  # what a package without extras cannot import, and why
for name in names:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not any(name.startswith(k) and error.name == v for k, v in extras.items()):
            raise
print(len(names), qdisc.__version__, qdisc.__file__)
"""


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout into a folder."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
    run([*command, ROOT])
    (wheel,) = folder.glob("*.whl")
    return wheel


def contents(wheel: Path) -> set[str]:
    """Names of the files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def missing(names: set[str]) -> list[str]:
    """What a wheel must hold and does not: every module, the type marker, the demo's data."""
    source = ROOT / "qdisc"
    files = [*source.rglob("*.py"), *source.rglob("*.in")]
    wanted = {f.relative_to(ROOT).as_posix() for f in files}
    wanted.add("qdisc/py.typed")
    for file in ("card.toml", "recipe.toml", "j1j2_3x3.h5"):
        wanted.add(f"qdisc/_datasets/j1j2_3x3/{file}")
    return sorted(wanted - names)


def plugins() -> set[str]:
    """Names of the built-in plugins, as declared."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {name for group in project["entry-points"].values() for name in group}


def run(command: list, cwd: Path | None = None, **environment: str) -> str:
    """Run a command; its output, or its error as the reason to stop."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "QDISC"))}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=clean | environment, text=True,
        capture_output=True,
    )  # fmt: skip
    if done.returncode:
        line = " ".join(str(part) for part in command)
        sys.exit(f"wheel: FAILED: {line}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def smoke(wheel: Path, python: str, folder: Path, demo: bool) -> str:
    """Install the wheel into a new environment and use it from a foreign folder."""
    folder.mkdir()
    run([python, "-m", "venv", folder / "venv"])
    binary = folder / "venv" / "bin"
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    pip = [binary / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    run([*pip, wheel])
    count, version, place = run([binary / "python", "-c", IMPORT_ALL], elsewhere).split()
    if not Path(place).is_relative_to(folder):
        sys.exit(f"wheel: FAILED: {place} was imported, not the installed package")
    if not run([binary / "qdisc", "--help"], elsewhere).startswith("usage: qdisc"):
        sys.exit("wheel: FAILED: `qdisc --help` does not help")
    listed = run([binary / "qdisc", "plugins", "list"], elsewhere)
    absent = sorted(name for name in plugins() if name not in listed)
    if absent:
        sys.exit(f"wheel: FAILED: `qdisc plugins list` does not show {', '.join(absent)}")
    if "j1j2_3x3" not in run([binary / "qdisc", "datasets", "list"], elsewhere):
        sys.exit("wheel: FAILED: `qdisc datasets list` does not show j1j2_3x3")
    if demo:
        run([binary / "qdisc", "demo", "-o", "demo"], elsewhere, QDISC_SMALL="1", CI="true")
        run([binary / "qdisc", "result", "validate", elsewhere / "demo" / "demo.h5"], elsewhere)
    number = run([binary / "python", "-c", "import platform as p; print(p.python_version())"])
    done = [f"{count} modules"]
    if demo:
        walk = runpy.run_path(str(Path(__file__).with_name("author_path.py")))["walk"]
        done += ["demo", "plugins: " + walk(binary, folder / "author")]
    return f"qdisc {version} on Python {number.strip()} ({', '.join(done)})"


def interpreters() -> list[str]:
    """This interpreter, and the newest supported one when it is there."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(NEWEST), *pyenv.glob(f"{NEWEST[6:]}*/bin/{NEWEST}")]
    for python in candidates if sys.version_info < (3, 13) else ():
        # a launcher of pyenv may be there without the interpreter
        if python and subprocess.run([python, "-c", ""], capture_output=True).returncode == 0:
            return [sys.executable, str(python)]
    return [sys.executable]


def main() -> None:
    """Build, check, install, use; one line at the end."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="qdisc-wheel-") as name:
        folder = Path(name)
        wheel = build_wheel(folder / "dist")
        names = contents(wheel)
        absent = missing(names)
        if absent:
            sys.exit(f"wheel: FAILED: not in the wheel: {', '.join(absent)}")
        done = [
            smoke(wheel, python, folder / f"env{i}", demo=i == 0)
            for i, python in enumerate(interpreters())
        ]
    seconds = time.perf_counter() - started
    print(f"wheel: ok: {len(names)} files; {'; '.join(done)}; {seconds:.0f} s")


if __name__ == "__main__":
    main()
