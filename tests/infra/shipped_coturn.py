"""coturn with the shipped configuration, run by its start script as the container does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.infra.proxy import answers, wait_until

INFRA = Path(__file__).resolve().parents[2] / "infra"


@contextmanager
def shipped_coturn(
    folder: Path, secrets: str, port: int, *options: str, **variables: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run it in a folder until the end of the block, from when this port answers; `secrets` is what its file holds."""
    (folder / "secret").write_text(secrets)
    places = ["--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", f"--pidfile={folder / 'pid'}"]
    environment = {
        "PATH": os.environ["PATH"],
        "TURN_CONFIG": str(INFRA / "coturn" / "turnserver.conf"),
        "TURN_COMPLETE": str(folder / "complete.conf"),
        "TURN_SECRET_FILE": str(folder / "secret"),
        "TURN_REALM": "call.example.org",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [INFRA / "docker" / "coturn-start", *places, f"--userdb={folder / 'db'}", *options],
            env=environment | variables,
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: process.poll() is not None or answers(port))
        assert process.poll() is None, (folder / "log").read_text()
        yield process
    finally:
        process.terminate()
        process.wait(10)
