"""Two nodes of one Chatter behind the shipped proxy: browsers know one address, whichever node answers there."""

from __future__ import annotations

import asyncio
import signal
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy.engine import URL

from tests.e2e.conftest import Server
from tests.infra.proxy import Nginx

_SECRET = "0123456789abcdef" * 2
# The names that `known` puts into the addresses of sockets. nginx's plain hash brings the first to the first node and
# the second to the other, as long as both are there; when one is dead, everyone is brought to the survivor.
FIRST, SECOND = "alice", "bob"
_BY_PERSON = {"hash $signaling_room consistent;": "hash $arg_who;"}


class Nodes:
    """The two nodes; people are at `first` or `second` by their names."""

    def __init__(self, folder: Path, nginx: str, database: URL, bus: str) -> None:
        self.first, self.second = self.both = Server(), Server()
        self._proxy = Nginx(folder, nginx, (self.first.http_port, self.first.gateway_port), self._upstreams())
        for name, node in zip(("first", "second"), self.both, strict=True):
            node.url = self._proxy.url
            node.variables = {
                "NODE_ID": name,
                "BUS_URL": bus,
                "DATABASE_URL": database.set(drivername="postgresql").render_as_string(hide_password=False),
                "AUTH_SECRET": _SECRET,
                "BASE_URL": self._proxy.url,
                "GATEWAY_URL": self._proxy.url.replace("https:", "wss:"),
                "TRUSTED_HOPS": "1",
                "LIMITS_SCALE": "1000",  # crowds come from one address, and talk without a pause
            }

    def start(self) -> None:
        """Start everything, and wait until the nodes hear each other."""
        for node in self.both:
            node.start()
        self._proxy.start()

    def close(self) -> None:
        """End everything, whatever became of it."""
        self._proxy.close()
        for node in self.both:
            node.close()

    def _upstreams(self) -> dict[str, str]:
        def all_of(*ports: int) -> dict[str, str]:
            servers = [f"server 127.0.0.1:{port} max_fails=0;" for port in ports]
            return {servers[0]: " ".join(servers)}

        return (
            _BY_PERSON
            | all_of(*(node.http_port for node in self.both))
            | all_of(*(node.gateway_port for node in self.both))
        )


@contextmanager
def running_nodes(folder: Path, nginx: str, database: URL, bus: str) -> Iterator[Nodes]:
    """Run two nodes and their proxy until the end of the block."""
    with ExitStack() as stack:
        nodes = Nodes(folder, nginx, database, bus)
        stack.callback(nodes.close)
        nodes.start()
        yield nodes


def kill(node: Server) -> None:
    """End a node without a word."""
    node.stop(signal.SIGKILL)


async def metric(node: Server, sample: str) -> float:
    """Return a metric of a node; the sum over its labels where `sample` names none."""
    text = await asyncio.to_thread(_read, f"http://127.0.0.1:{node.http_port}/metrics")
    lines = (line.rpartition(" ") for line in text.splitlines())
    return sum(float(value) for name, _, value in lines if name == sample or name.startswith(f"{sample}{{"))


def _read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        text: str = answer.read().decode()
    return text
