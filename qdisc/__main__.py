"""`python -m qdisc` is the command line."""

from __future__ import annotations

from qdisc.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
