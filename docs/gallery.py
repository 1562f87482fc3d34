"""The README's gallery: `qdisc run` on every dataset of the catalogue, then its latent map, small.

Results and all figures go to the folder `gallery`, the pictures to `docs/gallery`. A set whose data
are not at hand (the file of an experiment) is skipped with a message. Names on the command line
restrict what is run.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PIL import Image

from qdisc.physics.catalogue import list_datasets

ROOT = Path(__file__).resolve().parents[1]
WIDTH, COLOURS = 900, 256


def picture(source: Path, target: Path) -> None:
    """A smaller copy with a palette."""
    with Image.open(source) as image:
        size = (WIDTH, round(WIDTH * image.height / image.width))
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        small.quantize(COLOURS).save(target, optimize=True)


def main(names: list[str]) -> int:
    """Run and draw; the number of sets that failed."""
    out = ROOT / "gallery"
    out.mkdir(exist_ok=True)
    failed = 0
    for name in names or [entry.name for entry in list_datasets(ROOT / "datasets")]:
        result = out / f"{name}.h5"
        command = [sys.executable, "-m", "qdisc", "run", name, "-o", str(result)]
        done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
        if done.returncode == 2:  # what is missing was said
            print(f"{name}: skipped", file=sys.stderr)
            continue
        failed += done.returncode != 0
        picture(out / f"{name}_latent_map.png", ROOT / "docs" / "gallery" / f"{name}.png")
        print(f"docs/gallery/{name}.png")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
