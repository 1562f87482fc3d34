"""A plugin author's path, walked in an environment that has qdisc's wheel and nothing of ours.

`walk` generates a plugin of each kind, installs and tests them, and analyses a file with all four
at once. Then it installs packages that are wrong in every way the contract names, runs again, and
compares: each ends in its state, and everything else is bit for bit what it was. Last it executes
plugins/README.md. `make wheel` calls it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("observable", "analysis", "loader", "model")
HEAD = "from qdisc.plugin import *\n"
OBSERVABLE = (
    HEAD
    + """
class P:
    spec = ObservableSpec(name="{name}", summary="one of the tests")
    def __call__(self, snapshots, data_spec):
        {body}
plugin = P()
"""
)
DEPENDENT = (
    HEAD
    + """
class A:
    spec = AnalysisSpec(name="dependant", summary="needs one that fails", default=True,
        needs=("observable:raising",), provides=(Provides("x", (), long_name="x"),))
    class Config(Config):
        pass
    def run(self, ctx, config, *, key):
        raise AssertionError("never called")
plugin = A()
"""
)
GOOD = OBSERVABLE.format(name="twin", body="return snapshots[:, 0]")


def observable(name: str, body: str) -> tuple[str, str, str]:
    """Kind, name and source."""
    return "observables", name, OBSERVABLE.format(name=name, body=body)


WRONG = {
    "wrong-import": [("observables", "crashing", "1 / 0")],
    "wrong-signature": [
        ("observables", "missigned", GOOD.replace("twin", "missigned").replace("data_spec", "s"))
    ],
    "wrong-contract": [
        ("observables", "toonew", GOOD.replace('"twin"', '"toonew", contract="2.0"')),
    ],
    "wrong-twin-a": [("observables", "twin", GOOD)],
    "wrong-twin-b": [("observables", "twin", GOOD)],
    "wrong-values": [
        observable("raising", "raise RuntimeError('no such luck')"),
        observable("not_finite", "return snapshots[:, 0] * float('nan')"),
        observable("too_short", "return snapshots[1:, 0]"),
        ("analyses", "dependant", DEPENDENT),
    ],
}  # fmt: skip
STATES = {
    "crashing": ("broken", "ZeroDivisionError"),
    "missigned": ("invalid", "must take exactly (snapshots, data_spec)"),
    "toonew": ("incompatible", "written for contract 2.0, this qdisc has 1.0; upgrade qdisc"),
    "twin": ("ambiguous", "wrong-twin-a 1.0 and wrong-twin-b 1.0|wrong-twin-a 1.0, wrong-twin-b"),
    "raising": ("failed", "observable raising: RuntimeError: no such luck"),
    "not_finite": ("failed", "must be finite; snapshot 0 gives\n  where: observable not_finite"),
    "too_short": ("failed", "one value per snapshot is wanted|where: observable too_short"),
    "dependant": ("skipped", "needs observable:raising; observable raising is failed"),
}
READ = """
import hashlib, json, sys, h5py
out = {"states": {}, "hash": {}}
with h5py.File(sys.argv[1]) as file:
    for group in ("observables", "analyses"):
        for name, item in file[group].items():
            if "status" in item.attrs:
                message = str(item.attrs.get("message", ""))
                out["states"][name] = [str(item.attrs["status"]), message]
    def visit(name, item):
        if isinstance(item, h5py.Dataset) and not name.startswith("provenance"):
            out["hash"][name] = hashlib.sha256(item[...].tobytes()).hexdigest()
    file.visititems(visit)
print(json.dumps(out))
"""


class Shell:
    """Commands in the new environment; a wrong exit code ends everything."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self.binary, self.folder = binary, folder
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "QDISC"))}
        cache = str(ROOT / ".jax_cache")  # that of the tests: compiling is half of the time
        self.environment = keep | {
            "PATH": f"{binary}{os.pathsep}{keep['PATH']}", "CI": "true", "MPLBACKEND": "Agg",
            "JAX_COMPILATION_CACHE_DIR": cache, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
            "JAX_PLATFORMS": "cpu", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }  # fmt: skip

    def __call__(self, *command: object, code: int = 0) -> str:
        words = [str(word) for word in command]
        done = subprocess.run(
            words, cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        if done.returncode != code:
            sys.exit(
                f"plugins: FAILED: {' '.join(words)}\nexit code {done.returncode}, not {code}\n"
                f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
            )
        return done.stdout + done.stderr


def write_wrong(folder: Path) -> list[Path]:
    """Packages that are wrong, one folder each."""
    out = []
    for package, parts in WRONG.items():
        module = package.replace("-", "_")
        place = folder / package
        (place / module).mkdir(parents=True)
        (place / module / "__init__.py").touch()
        entries = ""
        for group, name, source in parts:
            (place / module / f"{name}.py").write_text(source)
            entries += f'[project.entry-points."qdisc.{group}"]\n' * (
                f"qdisc.{group}" not in entries
            )
            entries += f'{name} = "{module}.{name}:plugin"\n'
        (place / "pyproject.toml").write_text(
            '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
            f'[project]\nname = "{package}"\nversion = "1.0"\n{entries}'
        )
        out.append(place)
    return out


def readme_steps(text: str) -> list[tuple[str, str]]:
    """("sh" or the path of a file, content) of the blocks of a README that are executed."""
    blocks = re.findall(r"(?:<!-- file: (\S+) -->\n)?```(\w+)\n(.*?)```", text, re.DOTALL)
    return [(path or "sh", body) for path, language, body in blocks if path or language == "sh"]


def same(condition: bool, words: str) -> None:
    """Stop with these words unless the condition holds."""
    if not condition:
        sys.exit(f"plugins: FAILED: {words}")


def walk(binary: Path, folder: Path) -> str:
    """Do all of it; a line of what was done."""
    started = time.perf_counter()
    folder.mkdir()
    shell = Shell(binary, folder)
    pip = (binary / "python", "-m", "pip", "install", "--quiet")
    shell(*pip, "pytest", "hatchling", "editables")
    offline = (*pip, "--no-build-isolation", "--no-deps")

    for kind in KINDS:
        shell("qdisc", "plugins", "new", f"demo_{kind}", "--kind", kind)
    packages = [f"./qdisc-demo-{kind}" for kind in KINDS]
    shell(*offline, *packages)
    shell(binary / "python", "-m", "pytest", "-q", "--strict-markers", *packages)
    bits = ["0110", "1001", "1111", "0000", "1110"]
    lines = [f"{h} {bits[(n * n + round(4 * h)) % 5]}" for h in (0.0, 0.5, 1.0) for n in range(40)]
    (folder / "data.txt").write_text("# demo_loader: h\n" + "\n".join(lines) + "\n")
    run = ("qdisc", "run", "data.txt", "--set", "model.name=demo_model", "--set",
           "train.epochs=2", "--no-figures")  # fmt: skip
    shell(*run, "-o", "before.h5")
    before = json.loads(shell(binary / "python", "-c", READ, "before.h5"))
    for name in ("demo_observable", "demo_analysis", "latent_map", "magnetisation"):
        same(before["states"][name] == ["ok", ""], f"{name}: {before['states'].get(name)}")

    shell(*offline, *write_wrong(folder))
    text = shell(*run, "-o", "after.h5", code=3)
    after = json.loads(shell(binary / "python", "-c", READ, "after.h5"))
    listed = shell("qdisc", "plugins", "list", "--load")
    for name, (state, words) in STATES.items():
        found = after["states"].get(name, ["not in the file", ""])
        same(found[0] == state, f"{name} is {found[0]}, not {state}: {found[1]}")
        same(any(w in found[1] for w in words.split("|")), f"{name}: message {found[1]!r}")
        same(name in text, f"`qdisc run` does not name {name}:\n{text}")
        if state not in ("failed", "skipped"):
            line = [x for x in listed.splitlines() if x.split()[1:2] == [name]]
            same(len(line) == 1 and line[0].endswith(state), f"plugins list: {line}")
    lost = {n: s for n, s in before["states"].items() if after["states"].get(n) != s}
    same(not lost, f"wrong plugins cost others: {lost}")
    changed = [n for n, h in before["hash"].items() if after["hash"].get(n) != h]
    same(not changed, f"wrong plugins changed {', '.join(changed)}")
    shell("qdisc", "result", "validate", "after.h5")
    checked = shell("qdisc", "plugins", "check", "toonew", "too_short", "demo_observable", code=1)
    same("3 plugins: 1 ok, 2 failed" in checked, checked)

    shell(binary / "python", "-m", "pip", "uninstall", "--quiet", "--yes", *WRONG)
    for place, body in readme_steps((ROOT / "plugins" / "README.md").read_text()):
        if place == "sh":
            shell("bash", "-euc", body)
        else:
            same((folder / place).is_file(), f"plugins/README.md: no file {place} to change")
            (folder / place).write_text(body)
    return (
        f"{len(KINDS)} kinds, {len(STATES)} states, README, {time.perf_counter() - started:.0f} s"
    )
