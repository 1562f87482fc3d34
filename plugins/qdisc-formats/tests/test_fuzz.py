"""Changed real files and invented ones: a Dataset or a DataError, soon, in little memory.

Each loader meets `CASES` files; `QDISC_FUZZ=2000` sets another number, and other seeds every time.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import os
import random
import resource
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.load import load_with
from qdisc.errors import ConfigError, DataError
from qdisc.plugin import Registry

from qdisc_formats.name_pattern import Pattern

GOLDEN = Path(__file__).parent / "golden"
CASES = int(os.environ.get("QDISC_FUZZ", "30"))
SEED = int(time.time()) if "QDISC_FUZZ" in os.environ else 0
SECONDS = 20.0  # of computing, so that a busy machine is no failure
EXTRA_MEMORY = 2 << 30  # address space beyond what is in use when a test begins
LEFT = {"site_order": "left_to_right"}
DIMS = ["x", "y", "shot", "delta"]
ARRAY = {"samples": "snapshots", "dims": DIMS, "theta": {"delta": "detuning"}}
REGISTRY = Registry()


def csv(_):
    return b"h (MHz);bits;count\n0.5;0100;3\n1.5;0000;2\n2.5;0110;7\n"


def columns(_):
    return b"h,s0,s1,s2,shot\n" + b"0.5,0,1,0,1\n1.5,-1,1,1,2\n" * 5


def counts(_):
    return b'[{"h": 0.5, "counts": {"0100": 2, "0x1": 1}}, {"h": "1", "counts": {"0110": 5}}]'


def npy(_):
    stream = io.BytesIO()
    np.save(stream, np.eye(4, 6, dtype=np.int8))
    return stream.getvalue()


def npz(_):
    stream = io.BytesIO()
    np.savez(stream, snapshots=np.zeros((2, 3, 4, 2), bool), detuning=[0.5, 1.5], word="a")
    return stream.getvalue()


def hdf5(folder):
    path = folder / "seed.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("snapshots", data=np.zeros((2, 3, 4, 2), np.uint8), compression="gzip")
        file["detuning"] = [0.5, 1.5]
        file["detuning"].attrs["units"] = "MHz"
    return path.read_bytes()


def parquet(folder):
    arrow, table = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = folder / "seed.parquet"
    table.write_table(arrow.table({"h": np.arange(20.0) // 5, "bits": ["0100", "0000"] * 10}), path)
    return path.read_bytes()


def golden(name):
    return lambda _: (GOLDEN / name).read_bytes()


SEEDS = {
    "bloqade": [(golden(f"bloqade_{n}.json"), {}) for n in ("remote", "local", "copies")]
    + [(golden("bloqade_remote.json"), {"atom_loss": "third_state"})],
    "braket_ahs": [(golden("braket_ahs.json"), {})],
    "braket_gate": [(golden("braket_gate.json"), {}), (golden("braket_program_set.json"), {})],
    "qiskit": [(golden("qiskit_sampler.json"), {"theta": {"a": [0, 1, 2]}}),
               (golden("qiskit_registers.json"), {}), (golden("qiskit_result.json"), {}),
               (golden("qiskit_counts.json"), {})],
    "counts": [(counts, LEFT | {"n_bits": 4}), (golden("qiskit_counts.json"), LEFT)],
    "cirq": [(golden(f"cirq_{n}.json"), {}) for n in ("result", "sweep", "qutrits")],
    "pulser": [(golden("pulser_results.json"), {}), (golden("pulser_registers.json"), {})],
    "pennylane": [(golden("pennylane_shadow.npz"), {}), (golden("pennylane_dataset.h5"), {})],
    "netket": [(golden("netket_spin.npz"), {}), (golden("netket_fock.npz"), {})],
    "matlab": [(golden(f"matlab_{v}.mat"), ARRAY) for v in ("v5", "v7", "v73")]
    + [(golden("matlab_v4.mat"), {"dims": ["shot", "site"]}),
       (golden("matlab_v5.mat"), ARRAY | {"samples": "data.snapshots"})],
    "numpy": [(npy, {"dims": ["shot", "site"]}), (npz, ARRAY)],
    "hdf5": [(hdf5, ARRAY), (hdf5, ARRAY | {"samples": "snap*", "dims": ["x", "y", "shot", "z"],
                                            "theta": {"h": 1.0}})],
    "csv": [(csv, LEFT), (columns, {})],
    "parquet": [(parquet, LEFT)],
    "folder": [(golden(f"{n}.json"), {"pattern": "h={h}.bin"})
               for n in ("cirq_result", "cirq_sweep", "bloqade_remote")],
}  # fmt: skip
STRANGE = [
    None, True, -1, 2, 0.5, 10**400, 2**63, -(2**31), float("nan"), float("inf"), [], {}, [[]],
    "", "0", "x", "\ud800", "0" * 5000, "1e999", " 01 ", {"": {}}, [None], {"__type__": "ndarray"},
]  # fmt: skip


@pytest.fixture(autouse=True)
def little_memory():
    """An allocation beyond the limit is a MemoryError, and fails the test."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + EXTRA_MEMORY, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def outcome(path, name, options):
    """ "loaded" or "refused"; anything else is a failure."""
    begun = time.process_time()
    loader = REGISTRY.get("loader", name)
    with contextlib.suppress(DataError):
        loader.guess(path=path)
    try:
        dataset = load_with(REGISTRY, path, name, options)
        assert isinstance(dataset, Dataset)
        word = "loaded"
    except DataError as error:
        text = str(error)
        assert f"the loader {name!r} failed" not in text, text
        assert path.name in text, text
        word = "refused"
    assert time.process_time() - begun < SECONDS
    return word


@pytest.mark.parametrize("name", sorted(SEEDS))
def test_changed_files(name, tmp_path, capsys):
    """For `folder`, the changed file is one of two."""
    rng = random.Random(f"{name}{SEED}")
    seeds = [(make(tmp_path), options) for make, options in SEEDS[name]]
    path = tmp_path / "changed.bin"
    if name == "folder":
        path = tmp_path / "folder" / "h=1.bin"
        path.parent.mkdir()
        (path.parent / "h=2.bin").write_bytes(seeds[0][0])
    seen = {"loaded": 0, "refused": 0}
    for case in range(CASES):
        raw, options = seeds[case % len(seeds)]
        changed = change(raw, rng)
        path.write_bytes(changed)
        try:
            read = path.parent if name == "folder" else path
            seen[outcome(read, name, options) if changed else "refused"] += 1
        except BaseException:
            kept = Path(os.environ.get("QDISC_FUZZ_KEEP", tmp_path)) / f"{name}_{SEED}_{case}.bin"
            kept.write_bytes(changed)
            print(f"seed {SEED}, case {case}, file kept as {kept}, options {options}")
            raise
    with capsys.disabled():
        if "QDISC_FUZZ" in os.environ:
            print(f"\n{name}: {CASES} files, {seen['loaded']} loaded, {seen['refused']} refused")
    assert seen["refused"] > 0


def change(raw: bytes, rng: random.Random) -> bytes:
    """One of the ways in which a file is not what it was."""
    if raw[:1] in b"{[" and rng.random() < 0.7:
        return json.dumps(change_json(json.loads(raw), rng)).encode("utf-8", "surrogatepass")
    if raw[:2] == b"PK" and rng.random() < 0.6:
        return change_npz(raw, rng)
    return change_bytes(raw, rng)


def change_bytes(raw: bytes, rng: random.Random) -> bytes:
    data = bytearray(raw)
    for _ in range(rng.choice((1, 1, 2, 8))):
        place = rng.randrange(len(data) + 1) if data else 0
        other = rng.randrange(len(data) + 1) if data else 0
        kind = rng.randrange(6)
        if kind == 0 and data:
            data[place % len(data)] ^= 1 << rng.randrange(8)
        elif kind == 1 and data:
            data[place % len(data)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, 48, 49, 34, 44))
        elif kind == 2:
            del data[place:]
        elif kind == 3:
            del data[min(place, other) : min(place, other) + rng.randrange(1, 20)]
        elif kind == 4:
            data[place:place] = data[other : other + rng.randrange(1, 40)]
        else:
            data[place : place + 4] = rng.choice((b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\xff" * 4))
    return bytes(data)


def change_json(document, rng: random.Random):
    """Replace, remove or repeat some of the nodes."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        node = parent = key = None
        node = document
        for _ in range(rng.randrange(1, 10)):
            if isinstance(node, dict) and node:
                parent, key = node, rng.choice(list(node))
            elif isinstance(node, list) and node:
                parent, key = node, rng.randrange(len(node))
            else:
                break
            node = parent[key]
        if parent is None:
            document = copy.deepcopy(rng.choice(STRANGE))
            continue
        kind = rng.randrange(5)
        if kind < 3:
            parent[key] = copy.deepcopy(rng.choice(STRANGE))
        elif kind == 3:
            del parent[key]
        elif isinstance(parent, list):
            parent.insert(key, copy.deepcopy(node))
        else:
            parent[f"{key}_"] = copy.deepcopy(node)
    return document


def change_npz(raw: bytes, rng: random.Random) -> bytes:
    """The same archive with a member changed, its directory intact."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(out, "w") as new:
        chosen = rng.choice(old.namelist())
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change_bytes(content, rng) if name == chosen else content)
    return out.getvalue()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["0101", "Completed", "Success", "m", "BitArray", "ndarray", "bitstrings"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.text(max_size=6) | st.sampled_from(
            ["tasks", "metadata", "task_result_ir", "shot_outputs", "measurements", "results",
             "data", "records", "params", "shape", "packed_digits", "counts", "memory", "header",
             "array", "num_bits", "fields", "field_names", "atom_order", "tagmap", "times",
             "lattice", "sites", "measuredQubits", "taskMetadata", "__value__", "__type__",
             "pub_results"]),
        inner, max_size=5),
    max_leaves=25,
)  # fmt: skip
WRAPS = {
    "bloqade": lambda d: {"bloqade.analog.task.batch.RemoteBatch": d},
    "braket_ahs": lambda d: {"braketSchemaHeader": {
        "name": "braket.task_result.analog_hamiltonian_simulation_task_result"}, "measurements": d},
    "braket_gate": lambda d: {"braketSchemaHeader": {
        "name": "braket.task_result.gate_model_task_result"}, "measurements": d,
        "additionalMetadata": d},
    "qiskit": lambda d: {"__type__": "PrimitiveResult", "__value__": d},
    "cirq": lambda d: {"cirq_type": "ResultDict", "records": d, "params": d},
    "pulser": lambda d: {"atom_order": ["a"], "tagmap": {"bitstrings": "x"}, "results": d,
                         "times": d},
    "counts": lambda d: d,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(WRAPS))
def test_invented_json(name, tmp_path_factory):
    path = tmp_path_factory.mktemp("invented") / "invented.json"

    @settings(max_examples=CASES, deadline=None, derandomize=SEED == 0, database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(JSON)
    def check(document):
        text = json.dumps(WRAPS[name](document))
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        outcome(path, name, LEFT if name == "counts" else {})

    check()


TEXT = st.text('01 ,;\t\n-.e#"x', max_size=80)


@settings(max_examples=2 * CASES, deadline=None, derandomize=SEED == 0, database=None,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(text=TEXT)
def test_invented_text(text, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "invented.csv"
    path.write_text(text or " ")
    outcome(path, "csv", LEFT)


@settings(max_examples=2 * CASES, deadline=None, derandomize=SEED == 0, database=None)
@given(pattern=st.text("ab1.-e=*/{h}k:", max_size=20), name=st.text("ab1.-e=/", max_size=40))
def test_invented_patterns(pattern, name):
    begun = time.process_time()
    with contextlib.suppress(DataError, ConfigError):
        numbers = Pattern(pattern).match(name)
        assert numbers is None or all(isinstance(value, float) for value in numbers.values())
    assert time.process_time() - begun < SECONDS


def test_nested_without_end(tmp_path):
    path = tmp_path / "deep.json"
    for text in ("[" * 200_000, '{"a":' * 100_000, "[" + "9" * 10_000 + "]"):
        path.write_text(text)
        for name in ("counts", "cirq", "bloqade"):
            assert outcome(path, name, {}) == "refused"


def test_too_much_json(tmp_path, monkeypatch):
    path = tmp_path / "large.json"
    path.write_text("[" + "[]," * 1000 + "[]]")
    monkeypatch.setattr("qdisc_formats.json_file.MAX_PARTS", 1000)
    assert outcome(path, "counts", {}) == "refused"
    monkeypatch.setattr("qdisc_formats.json_file.MAX_BYTES", 1000)
    with pytest.raises(DataError, match="larger than JSON is read here"):
        load_with(REGISTRY, path, "counts", {})
