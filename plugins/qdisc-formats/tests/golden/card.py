"""Notes in `card.toml` which SDK wrote a golden file, and its checksum."""

from __future__ import annotations

import hashlib
import json
import tomllib
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
CARD = FOLDER / "card.toml"


def record(name: str, packages: list[str], script: str, what: str) -> None:
    """Add or replace the entry of one file."""
    cards = tomllib.loads(CARD.read_text()) if CARD.exists() else {}
    cards[name] = {
        "made_by": [f"{package} {version(package)}" for package in packages],
        "script": Path(script).name,
        "what": what,
        "sha256": hashlib.sha256((FOLDER / name).read_bytes()).hexdigest(),
    }
    text = "# Which SDK wrote each golden file. The scripts regenerate them.\n"
    for file, card in sorted(cards.items()):
        text += f"\n[{json.dumps(file)}]\n"
        text += "".join(f"{key} = {json.dumps(value)}\n" for key, value in card.items())
    CARD.write_text(text)
