"""Golden files of Bloqade. In an environment of its own: pip install bloqade-analog==0.16.9

`bloqade_local.json`: ten atoms, only atom 0 is driven, by a pulse of area pi/2 and one of area pi,
run on Bloqade's emulator. `bloqade_remote.json`: tasks as QuEra's machine returns them, with shots
that failed, missing atoms, a queued task, a site empty by design and settings written as text.
`bloqade_copies.json`: six copies of a system of two atoms, told apart by the mapping.
"""

import json
from collections import OrderedDict
from decimal import Decimal

import numpy as np
from bloqade.analog import dumps, start
from bloqade.analog.submission.ir.parallel import ClusterLocationInfo, ParallelDecoder
from bloqade.analog.submission.ir.task_results import QuEraShotResult, QuEraTaskResults
from bloqade.analog.submission.ir.task_specification import QuEraTaskSpecification
from bloqade.analog.submission.quera import QuEraBackend
from bloqade.analog.task.batch import RemoteBatch
from bloqade.analog.task.quera import QuEraTask
from card import FOLDER, record

SDK = ["bloqade-analog"]


def local() -> None:
    np.random.seed(0)
    atoms = start.add_position([(0, 30.0 * n) for n in range(10)])
    pulse = atoms.rydberg.rabi.amplitude.location(0).piecewise_linear(
        [0.05, "t", 0.05], [0.0, np.pi, np.pi, 0.0]
    )
    batch = pulse.batch_assign(t=[0.45, 0.95]).bloqade.python().run(20)
    save(batch, "bloqade_local.json", "X on atom 0 of ten: pulses of area pi/2 and pi")


def save(batch, name: str, what: str) -> None:
    document = json.loads(dumps(batch))
    next(iter(document.values()))["source"] = None  # the programme's builder; no loader needs it
    (FOLDER / name).write_text(json.dumps(document))
    record(name, SDK, __file__, what)


def task(sites, filling, metadata, shots, number, decoder=None):
    constant = {"global": {"times": [0, Decimal("1e-6")], "values": [number, number]}}
    ir = QuEraTaskSpecification(
        nshots=max(len(shots), 1),
        lattice={"sites": sites, "filling": filling},
        effective_hamiltonian={
            "rydberg": {
                "rabi_frequency_amplitude": constant,
                "rabi_frequency_phase": constant,
                "detuning": constant,
            }
        },
    )
    results = QuEraTaskResults(
        task_status="Completed" if shots else "Enqueued",
        shot_outputs=[
            QuEraShotResult(shot_status=s, pre_sequence=b, post_sequence=a) for s, b, a in shots
        ],
    )
    return QuEraTask(
        task_id=f"00000000-0000-4000-8000-00000000000{number}", task_ir=ir, metadata=metadata,
        backend=QuEraBackend(api_hostname="", qpu_id="qpu1"), parallel_decoder=decoder,
        task_result_ir=results,
    )  # fmt: skip


def remote() -> None:
    n = 11  # site 10 is empty by design
    sites = [(Decimal("0E-7"), Decimal(n) * Decimal("5.5e-6")) for n in range(n)]
    filling = [1] * 10 + [0]
    before = [1] * 10 + [0]
    after = [0] + [1] * 9 + [0]  # atom 0 in the Rydberg state
    ground = [1] * 10 + [0]
    lost = [1] * 4 + [0] + [1] * 5 + [0]  # no atom at site 4, before and after
    good = ("Completed", before, after)
    shots = [
        [good] * 6
        + [("Completed", lost, [0, *lost[1:]])] * 2
        + [("MissingPostSequence", before, [])],
        [good] * 3 + [("Completed", before, ground)] * 5 + [("MissingMeasurement", [], [])] * 2,
        [],
    ]
    tasks = OrderedDict(
        (i, task(sites, filling, {"delta": text, "omega": 15.7}, shots[i], i + 1))
        for i, text in enumerate(("0.0500", "0.1000", "0.1500"))
    )
    batch = RemoteBatch(source=None, tasks=tasks, name="X on atom 0")
    save(batch, "bloqade_remote.json", "X on atom 0 of ten; failed shots, lost atoms")


def copies() -> None:
    tasks = OrderedDict()
    for i, tiles in enumerate((3, 2)):
        sites, mapping, post = [], [], []
        for tile in range(tiles):
            for site in (1, 0):  # the array lists the second atom of a copy first
                mapping.append(
                    ClusterLocationInfo(
                        cluster_index=(tile, 0),
                        global_location_index=len(sites),
                        cluster_location_index=site,
                    )
                )
                sites.append(
                    (Decimal(tile) * Decimal("24e-6"), Decimal(site * (4 + i)) * Decimal("1e-6"))
                )
                post.append(0 if site == 0 else 1)
        before = [1] * len(sites)
        shots = [("Completed", before, post)] * 4
        shots.append(("Completed", [0, *before[1:]], post))
        tasks[i] = task(
            sites, before, {"distance": str(4 + i)}, shots, i + 1, ParallelDecoder(mapping)
        )
    batch = RemoteBatch(source=None, tasks=tasks, name=None)
    save(batch, "bloqade_copies.json", "X on the first of two atoms, in three and two copies")


if __name__ == "__main__":
    local()
    remote()
    copies()
