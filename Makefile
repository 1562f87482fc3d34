# The two commands of the README are `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))

.PHONY: demo demo-quality gallery test lint wheel bench clean

demo: $(STAMP)  ## train on the shipped J1-J2 snapshots and draw their phase maps
	$(BIN)/qdisc demo -o demo

test: $(STAMP)  ## everything that must hold
	$(BIN)/python -m pytest -n 2 --dist worksteal tests $(PLUGINS)

demo-quality: $(STAMP)  ## the demo's promise on five seeds
	QDISC_FULL=1 $(BIN)/python -m pytest tests/demo -m slow

.PHONY: full
full: $(STAMP)  ## what takes minutes: the demo and the phases on five seeds, notebooks at full size, long physics
	QDISC_FULL=1 $(BIN)/python -m pytest tests/demo tests/notebooks -m slow
	QDISC_FULL=1 $(BIN)/python -m pytest tests/physics
	QDISC_FULL=1 $(BIN)/python -m pytest plugins/qdisc-phases

.PHONY: slurm
slurm: $(STAMP)  ## sweeps on a real SLURM of one node; as root, with slurmctld slurmd slurm-client munge
	QDISC_SLURM=1 $(BIN)/python -m pytest tests/sweep/test_slurm.py

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

gallery: $(STAMP)  ## the README's pictures: `qdisc run` on every dataset, half an hour
	$(BIN)/python docs/gallery.py

wheel: $(STAMP)  ## build the wheel and import it in an empty environment
	$(BIN)/python tests/contract/wheel_smoke.py

bench: $(STAMP)  ## every hot path as a ratio against a naive implementation
	$(BIN)/python -m benchmarks

$(STAMP): pyproject.toml $(wildcard plugins/*/pyproject.toml)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[dev]' $(PLUGINS:%=-e %)
	touch $(STAMP)

clean:
	rm -rf $(VENV) demo build dist *.egg-info
