"""Where a result comes from: versions, platform, device, the state of the working folder."""

from __future__ import annotations

import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from qdisc.results.build import provenance_group
from qdisc.results.schema import NAME, Group

PACKAGES = (
    "qdisc", "numpy", "scipy", "jax", "jaxlib", "flax", "optax", "netket", "h5py", "msgspec",
)  # fmt: skip
_GIT_SECONDS = 2.0


def environment(packages: Iterable[str] = ()) -> dict[str, str]:
    """Versions of python, the platform and packages, from metadata: nothing is imported.

    Args:
        packages: Further distributions, e.g. those of the plugins that ran.
    """
    out = {"python": platform.python_version(), "platform": platform.platform()}
    for name in dict.fromkeys((*PACKAGES, *packages)):
        if not NAME.match(name):
            continue
        try:
            out[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            out[name] = "not installed"
    return out


def other_versions(was: Mapping[str, Any]) -> list[str]:
    """What differs between an environment that was and the present one, a line each.

    Args:
        was: Attributes of a group `/provenance/environment`.
    """
    now = environment()
    return [
        f"{name} {was[name]} then, {version} now"
        for name, version in now.items()
        if name in was and was[name] != version
    ]


def git_describe(folder: Path | str = ".") -> str:
    """`git describe` of a folder; "" outside a repository, without git, or when it is slow."""
    folder = Path(folder).resolve()
    if not any((place / ".git").exists() for place in (folder, *folder.parents)):
        return ""
    command = ["git", "describe", "--always", "--dirty", "--tags"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_GIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""  # a result without this line is better than no result
    return done.stdout.strip() if done.returncode == 0 else ""


def now() -> str:
    """This moment, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def collect(
    *,
    seed: int,
    config_toml: str,
    duration_s: float,
    device: str,
    command: str | None = None,
    packages: Iterable[str] = (),
    tracebacks: Mapping[str, str] | None = None,
) -> Group:
    """Group `/provenance` of a run that ends now.

    Args:
        seed: The one seed of the run.
        config_toml: The complete recipe.
        duration_s: Seconds it took.
        device: What the numbers were computed on, e.g. "cpu" (asking jax is the caller's job).
        command: The command line; default: that of this process.
        packages: Further distributions whose versions matter.
        tracebacks: Of plugins that failed, by name.
    """
    return provenance_group(
        created_at=now(),
        duration_s=duration_s,
        command=shlex.join(sys.argv) if command is None else command,
        seed=seed,
        config_toml=config_toml,
        environment=environment(packages),
        git=git_describe(),
        device=device,
        tracebacks=tracebacks,
    )
