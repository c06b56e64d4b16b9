"""The shipped proxy before two nodes with PostgreSQL, NATS and coturn: who gets which room, also when one is gone."""

from __future__ import annotations

import contextlib
import json
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.api.process import Server, serving
from tests.buses import nats_server
from tests.coturn import SECRET as TURN_SECRET
from tests.coturn import Coturn
from tests.databases import PostgresFactory
from tests.infra.conftest import SECRET
from tests.infra.proxy import Nginx, running_nginx, wait_until
from tests.infra.visits import next_frame, open_room, open_socket, say_and_hear, sign_up, way_into

pytestmark = [pytest.mark.integration, pytest.mark.seed("S1-14")]

_ROOMS = 12
_TURN_TRANSPORTS = ("udp", "tcp", "tls")
_ROOMY = {"burst=20 nodelay": "burst=9999 nodelay", "burst=40 nodelay": "burst=9999 nodelay"}


class Site:
    """Two nodes and the proxy in front of them."""

    def __init__(self, nginx: Nginx, nodes: list[Server]) -> None:
        self.nginx = nginx
        self.nodes = nodes

    def asked(self, path: str, port: str = "http_port") -> list[tuple[int, ...]]:
        """Return, for each request to this path, the nodes that were asked, by their place."""
        places = {f"127.0.0.1:{getattr(node, port)}": place for place, node in enumerate(self.nodes)}
        lines = (json.loads(line) for line in self.nginx.access_log.read_text("utf-8").splitlines())
        return [
            tuple(places[address] for address in line["upstream"].split(", ")) for line in lines if line["path"] == path
        ]


@pytest.fixture(scope="module")
def site(
    postgres_factory: PostgresFactory, coturn: Coturn, nginx_program: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A Chatter of two nodes, as in production."""
    nats = nats_server()
    database = postgres_factory.create()
    variables = {
        "ENV": "production",
        "BASE_URL": "https://localhost",
        "AUTH_SECRET": SECRET,
        "AUTH_BCRYPT_COST": "10",
        "TRUSTED_HOPS": "1",
        "DATABASE_URL": database.set(drivername="postgresql").render_as_string(hide_password=False),
        "BUS_URL": nats.url,
        "TURN_URLS": ",".join(coturn.url(transport) for transport in _TURN_TRANSPORTS),
        "TURN_SECRET": TURN_SECRET,
        "TURN_CA_FILE": str(coturn.ca_file),
    }
    with ExitStack() as stack:
        stack.callback(postgres_factory.drop, database)
        stack.callback(nats.kill)
        nats.start()
        nodes = [
            stack.enter_context(serving(tmp_path_factory.mktemp(name), NODE_ID=name, **variables))
            for name in ("app-1", "app-2")
        ]
        first, second = ((node.http_port, node.gateway_port) for node in nodes)
        running = running_nginx(tmp_path_factory.mktemp("proxy"), nginx_program, first, second, **_ROOMY)
        wait_until(lambda: all(_metric(node, "chatter_bus_nodes") == 1 for node in nodes))
        yield Site(stack.enter_context(running), nodes)


def _metric(node: Server, sample: str) -> float:
    with urllib.request.urlopen(f"{node.url}/metrics", timeout=10) as answer:
        lines = (line.rpartition(" ") for line in answer.read().decode().splitlines())
    return sum(float(value) for name, _, value in lines if name == sample or name.startswith(f"{sample}{{"))


async def test_rooms_are_spread_and_each_stays_at_one_node(site: Site) -> None:
    with site.nginx.client() as client:
        bearer = sign_up(client, "olivia")
        rooms = [open_room(client, bearer) for _ in range(_ROOMS)]
        ways = [[way_into(client, bearer, room) for _ in range(2)] for room in rooms]
    async with contextlib.AsyncExitStack() as stack:
        for both in ways:
            for way in both:
                opened = await stack.enter_async_context(open_socket(site.nginx, way))
                assert (await next_frame(opened))["type"] == "welcome"
        rooms_at = [_metric(node, "chatter_rooms") for node in site.nodes]
        assert sum(rooms_at) == _ROOMS
        assert min(rooms_at) > 0
        # Nobody's frames go over the bus: all members of a room came to the node where it lives.
        assert [_metric(node, "chatter_bus_links") for node in site.nodes] == [0, 0]


def test_recordings_are_looked_for_at_one_node_and_then_at_the_others(site: Site) -> None:
    with site.nginx.client() as client:
        bearer = sign_up(client, "recorder")
        for room in [open_room(client, bearer) for _ in range(_ROOMS)]:
            for _ in range(2):
                assert client.get(f"/rooms/{room}/recordings", headers=bearer).status_code == 200
        room = open_room(client, bearer)
        missing = f"/api/rooms/{room}/recordings/0198c2f0-0000-7000-8000-000000000000"
        assert client.get(missing, headers=bearer).json()["code"] == "recording_not_found"
        assert client.delete(missing, headers=bearer).status_code == 404
    asked = site.asked("/rooms/*/recordings")
    assert asked[::2] == asked[1::2]
    assert set(asked) == {(0,), (1,)}
    assert {frozenset(nodes) for nodes in site.asked("/api/rooms/*/recordings")} == {frozenset({0, 1})}


def test_what_is_for_operators_is_closed_and_nobodys_token_is_logged(site: Site) -> None:
    with site.nginx.client() as client:
        for path in ("/metrics", "/readyz", "/api/metrics", "/api/readyz"):
            assert client.get(path).status_code == 404
        bearer = sign_up(client, "watcher")
        room = open_room(client, bearer)
        way = way_into(client, bearer, room)
        assert client.get(way, headers=bearer).status_code in {400, 426}
        servers = client.get("/ice-servers", headers=bearer).json()["iceServers"]
    assert [url.split(":")[0] for url in servers[-1]["urls"]] == ["turn", "turn", "turns"]
    secrets = [bearer["Authorization"].removeprefix("Bearer "), way.partition("ticket=")[2], servers[-1]["credential"]]
    logs = [site.nginx.access_log, site.nginx.error_log, *(node.log for node in site.nodes)]
    for log in logs:
        text = log.read_text("utf-8")
        assert [secret for secret in secrets if secret in text] == [], log


# The last one that uses both nodes: afterwards there is only one.
async def test_one_node_is_killed_and_the_other_takes_everyone(site: Site) -> None:
    with site.nginx.client() as client:
        bearer = sign_up(client, "survivor")
        site.nodes[0].close()
        for _ in range(6):
            assert client.get("/rooms", headers=bearer).status_code == 200
        for _ in range(4):
            way = way_into(client, bearer, open_room(client, bearer))
            async with open_socket(site.nginx, way) as opened:
                assert (await next_frame(opened))["type"] == "welcome"
                await say_and_hear(opened, "still here")
    assert (0, 1) in site.asked("/rooms")


class _Stopping(BaseHTTPRequestHandler):
    """A node that lets nobody in any more."""

    def do_GET(self) -> None:
        """Answer as a node that stops."""
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815  # the name that the server calls

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def stopping() -> Iterator[int]:
    """The port of a node that stops."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Stopping) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


async def test_a_node_that_stops_passes_handshakes_and_reading_on(
    chatter: Server, stopping: int, nginx_program: str, tmp_path: Path
) -> None:
    well = (chatter.http_port, chatter.gateway_port)
    with running_nginx(tmp_path / "nginx", nginx_program, (0, stopping), well, **_ROOMY) as nginx:
        with nginx.client() as client:
            bearer = sign_up(client, "passed-on")
            ways = [way_into(client, bearer, open_room(client, bearer)) for _ in range(6)]
        for way in ways:
            async with open_socket(nginx, way) as opened:
                assert (await next_frame(opened))["type"] == "welcome"
        lines = [json.loads(line) for line in nginx.access_log.read_text("utf-8").splitlines()]
    handshakes = [line["upstream_status"] for line in lines if line["path"] == "/ws/*"]
    assert len(handshakes) == len(ways)
    assert set(handshakes) == {"101", "503, 101"}


def test_what_is_not_to_be_done_twice_is_asked_for_once(
    chatter: Server, stopping: int, nginx_program: str, tmp_path: Path
) -> None:
    well = (chatter.http_port, chatter.gateway_port)
    running = running_nginx(tmp_path / "nginx", nginx_program, (stopping, 0), well, **_ROOMY)
    with running as nginx, nginx.client() as client:
        assert {client.get("/rooms").status_code for _ in range(4)} == {401}
        assert {client.post("/rooms").status_code for _ in range(4)} == {401, 503}
