"""A SLURM of one node in a temporary folder: munged, slurmctld and slurmd of Debian's packages.

Needs root, and `apt-get install slurmctld slurmd slurm-client munge`.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel")
_CONF = """
ClusterName=qdisc
SlurmctldHost=localhost
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
KillWait=60
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName=localhost NodeHostname={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=4000 State=UNKNOWN
PartitionName=cpu Nodes=localhost Default=YES MaxTime=INFINITE State=UP
"""


@contextmanager
def node(folder: Path) -> Iterator[dict[str, str]]:
    """Start the three daemons; gives the environment for sbatch and its like."""
    ports = []
    for _ in range(2):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(probe.getsockname()[1])
    conf, key = folder / "slurm.conf", folder / "munge.key"
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    host = socket.gethostname().partition(".")[0]
    conf.write_text(_CONF.format(folder=folder, ports=ports, host=host))
    env = {**os.environ, "SLURM_CONF": str(conf)}
    here = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "pid", "log", "seed")]
    lines = (
        ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket", *here],
        ["slurmctld", "-D", "-f", str(conf)],
        ["slurmd", "-D", "-N", "localhost", "-f", str(conf)],
    )
    started: list[subprocess.Popen] = []
    try:
        for number, (program, *arguments) in enumerate(lines):
            log = (folder / f"{program}.out").open("wb")
            path = shutil.which(program) or f"/usr/sbin/{program}"
            started.append(subprocess.Popen([path, *arguments], stdout=log, stderr=log, env=env))
            if number == 0:
                _wait(lambda: (folder / "munge.socket").exists(), "munged")
        _wait(lambda: "idle" in _told(["sinfo", "-h", "-o", "%t"], env), "the node")
        yield env
    finally:
        for daemon in reversed(started):
            daemon.terminate()
        for daemon in reversed(started):
            daemon.wait(60)


def ended(env: dict[str, str], seconds: float = 300) -> None:
    """Wait until the queue is empty."""
    _wait(lambda: _told(["squeue", "-h"], env).strip() == "", "the queue to be empty", seconds)


def _told(line: list[str], env: dict[str, str]) -> str:
    return subprocess.run(line, env=env, capture_output=True, text=True).stdout


def _wait(ready, what: str, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > until:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.2)
