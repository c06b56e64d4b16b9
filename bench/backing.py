"""What several nodes need beside themselves: a bus and a database in common."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.scenario import LOAD_CORE, MissingPeer
from bench.servers import LocalProcess, free_port

_VERSIONS = Path("/usr/lib/postgresql")


class Nats(LocalProcess):
    """A NATS server, on the load generator's core: what it takes must not count for the nodes."""

    name = "NATS"
    core = LOAD_CORE

    @classmethod
    def require(cls) -> None:
        """Raise `MissingPeer` where it is not installed."""
        if shutil.which("nats-server") is None:
            raise MissingPeer("NATS is not installed; run: apt-get install nats-server")

    @property
    def url(self) -> str:
        """The setting `BUS_URL`."""
        return f"nats://127.0.0.1:{self.port}"

    def command(self) -> tuple[list[str], dict[str, str]]:
        """Return the command."""
        return ["nats-server", "--addr", "127.0.0.1", "--port", str(self.port)], {}


@contextmanager
def postgres() -> Iterator[str]:
    """Run a PostgreSQL of our own; give the setting `DATABASE_URL`. Raises `MissingPeer`."""
    installed = sorted(_VERSIONS.glob("*/bin"), key=lambda path: int(path.parent.name))
    if not installed:
        raise MissingPeer("PostgreSQL is not installed; run: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="chatter-bench-postgres-"))
    as_postgres: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "postgres")
        as_postgres = ["runuser", "-u", "postgres", "--"]
    port = free_port()
    options = f"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"

    def run(program: str, *arguments: str) -> None:
        command = [*as_postgres, str(installed[-1] / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=60)

    try:
        run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
