"""Nodes as processes that share a database and a bus, to be started and killed by tests."""

from __future__ import annotations

import json
import signal
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.engine import URL

from tests.api.islands import Islands
from tests.api.process import Server

ORIGIN = "https://call.example.org"
STOP_S = 20.0
"""More than a node may take to hand its rooms over and stop."""


def variables_for(database: URL, bus: str) -> dict[str, str]:
    """Return what the nodes have in common."""
    return {
        "DATABASE_URL": database.set(drivername="postgresql").render_as_string(hide_password=False),
        "BUS_URL": bus,
        "BASE_URL": ORIGIN,
        "AUTH_SECRET": "0123456789abcdef" * 3,
    }


class Fleet:
    """Nodes that end and begin; a new one has a name of its own, and an island of that name where there are any."""

    def __init__(self, folder: Path, variables: dict[str, str], islands: Islands | None = None) -> None:
        self._folder = folder
        self.variables = variables
        self._islands = islands
        self._started = 0
        self.nodes: dict[str, Server] = {}

    def start(self) -> Server:
        """Start a node and wait until it is ready."""
        self._started += 1
        name = f"node-{self._started}"
        node = self._launch(name)
        try:
            node.wait_until_ready()
        except BaseException:
            node.close()
            raise
        self.nodes[name] = node
        return node

    def stop(self, name: str) -> int:
        """Tell a node to stop, and wait until it has; return its exit code."""
        self.nodes[name].process.send_signal(signal.SIGTERM)
        code = self.nodes[name].process.wait(STOP_S)
        self.kill(name)
        return code

    def kill(self, name: str) -> None:
        """End a node without a word."""
        self.nodes.pop(name).close()

    def urls(self) -> Sequence[str]:
        """Return where sockets are served now."""
        return [node.socket_url for node in self.nodes.values()]

    def log(self) -> str:
        """Return what all nodes have logged, those that are no more included."""
        return "".join(log.read_text("utf-8") for log in self._folder.glob("node-*/server.log"))

    def close(self) -> None:
        """End all nodes, also those that stand still."""
        for name in list(self.nodes):
            self.kill(name)

    def _launch(self, name: str) -> Server:
        folder = self._folder / name
        folder.mkdir()
        variables = self.variables | {"NODE_ID": name}
        if self._islands is None:
            return Server(folder, **variables)
        return Server(folder, host=self._islands.add(name), inside=self._islands.inside(name), **variables)


def open_rooms(node: Server, rooms: Sequence[str]) -> None:
    """Make an account with these rooms."""
    token = _ask(node, "/auth/register", {"username": "olivia", "password": "a long enough phrase"})["token"]
    for room in rooms:
        _ask(node, "/rooms", {"roomId": room, "maxMembers": 50}, str(token))


def _ask(node: Server, path: str, body: dict[str, object], token: str = "") -> dict[str, object]:
    headers = {"Content-Type": "application/json", "X-Device-ID": "laptop", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(node.url + path, json.dumps(body).encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, object] = json.load(answer)
    return found
