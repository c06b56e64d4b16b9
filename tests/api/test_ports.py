"""Ports that somebody else has: named with their holder, and left to it on request."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from api import ports
from api.ports import Place, RemapError, holder, remapped, table
from api.settings import Address, load
from tests.api.process import Server, free_ports, run, status_of
from tests.infra.proxy import wait_until


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that this process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def given(folder: Path, http: int, gateway: int, **variables: str) -> dict[str, str]:
    (folder / "empty.yaml").touch()
    addresses = {"SERVER_ADDR": f"127.0.0.1:{http}", "GATEWAY_ADDR": f"127.0.0.1:{gateway}"}
    return {"CONFIG_PATH": str(folder / "empty.yaml"), "CHATTER_DATA_DIR": str(folder)} | addresses | variables


def test_who_listens(taken: int) -> None:
    name = Path("/proc/self/comm").read_text().strip()
    assert holder(Address("127.0.0.1", taken)) == f"{name} (pid {os.getpid()})"
    assert holder(Address(None, taken)) == holder(Address("localhost", taken)) == holder(Address("127.0.0.1", taken))
    assert holder(Address("127.0.0.2", taken)) is None  # where one may still listen
    assert holder(Address(None, free_ports(1)[0])) is None


def test_who_listens_on_ipv6() -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        port = listener.getsockname()[1]
        for host in ("127.0.0.1", "::1", None):
            assert str(os.getpid()) in str(holder(Address(host, port)))


def test_who_cannot_be_seen(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "1").mkdir()
    row = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100"
    (tmp_path / "net" / "tcp").write_text(f"  sl  local_address rem_address\n{row}\n")
    address = Address("127.0.0.1", 8080)
    assert holder(address, tmp_path) is None
    assert holder(address, tmp_path / "absent") is None
    (tmp_path / "1" / "fd").mkdir()
    (tmp_path / "1" / "comm").write_text("nginx\n")
    (tmp_path / "1" / "fd" / "2").touch()  # not a link, as one that was closed meanwhile
    (tmp_path / "1" / "fd" / "3").symlink_to("socket:[4711]")
    assert holder(address, tmp_path) == "nginx (pid 1)"


def test_free_ports_stay_as_they_are(tmp_path: Path) -> None:
    http, gateway = free_ports(2)
    settings, places = remapped(given(tmp_path, http, gateway))
    assert (settings.listen.port, settings.gateway_listen.port) == (http, gateway)
    assert [place.port for place in places] == [http, gateway]


def test_everything_follows_a_busy_port(tmp_path: Path, taken: int) -> None:
    gateway = free_ports(1)[0]
    settings, (http_place, gateway_place) = remapped(given(tmp_path, taken, gateway))
    assert http_place.port == settings.listen.port != taken
    assert (http_place.wanted, gateway_place.port) == (taken, gateway)
    assert settings.base_url == f"http://localhost:{settings.listen.port}"
    assert settings.base_url in settings.origins
    assert str(os.getpid()) in str(http_place.holder)


def test_addresses_that_name_the_busy_port_follow_too(tmp_path: Path, taken: int) -> None:
    named = {"BASE_URL": f"http://127.0.0.1:{taken}", "GATEWAY_URL": f"ws://localhost:{taken}"}
    settings, places = remapped(given(tmp_path, taken, taken, **named))
    http, gateway = (place.port for place in places)
    assert len({taken, http, gateway}) == 3
    assert settings.base_url == f"http://127.0.0.1:{http}"
    assert settings.ws_url("stand-up", "ignored") == f"ws://localhost:{gateway}/ws/stand-up"


def test_any_port_stays_any_port(tmp_path: Path) -> None:
    _, places = remapped(given(tmp_path, 0, 0))
    assert [(place.wanted, place.port) for place in places] == [(0, 0), (0, 0)]


def test_a_port_that_goes_without_saying() -> None:
    place = Place("web client and API", 80, 10080, None)
    assert ports._moved("http://localhost", place) == "http://localhost:10080"
    assert ports._moved("http://[::1]:80/", place) == "http://[::1]:10080/"
    assert ports._moved("https://localhost", place) == "https://localhost"


def test_addresses_of_others_stay(tmp_path: Path, taken: int) -> None:
    url = f"http://chatter.example.org:{taken}"
    settings, _ = remapped(given(tmp_path, taken, free_ports(1)[0], BASE_URL=url))
    assert settings.base_url == url


@pytest.mark.parametrize("address", ["[::1]:{}", ":{}", "localhost:{}"])
def test_the_host_stays(tmp_path: Path, address: str) -> None:
    wanted = load(given(tmp_path, 1, 2, SERVER_ADDR=address.format(0))).listen
    family = socket.AF_INET6 if wanted.host == "::1" else socket.AF_INET
    with socket.create_server((wanted.host or "127.0.0.1", 0), family=family) as busy:
        port = busy.getsockname()[1]
        settings, _ = remapped(given(tmp_path, 1, free_ports(1)[0], SERVER_ADDR=address.format(port)))
    assert settings.listen.host == wanted.host
    assert settings.listen.port != port


def test_production_stays_where_its_proxy_leads(tmp_path: Path, taken: int) -> None:
    production = {"ENV": "production", "BASE_URL": "https://x.example", "AUTH_SECRET": "0123456789abcdef" * 3}
    with pytest.raises(RemapError, match="in production a proxy leads to fixed ports"):
        remapped(given(tmp_path, taken, 1, **production))


def test_the_table() -> None:
    places = [Place("web client and API", 8080, 18080, "nginx (pid 12)"), Place("signaling", 8081, 8081, None)]
    assert table(places).splitlines() == [
        "                    port   instead of  held by",
        "web client and API  18080  8080        nginx (pid 12)",
        "signaling           8081",
    ]
    assert table([Place("signaling", 8081, 18081, None)]).splitlines()[1] == "signaling  18081  8081        ?"


@pytest.mark.integration
def test_a_busy_port_is_named_with_its_holder_and_the_way_out(tmp_path: Path, taken: int) -> None:
    addresses = {"SERVER_ADDR": f"127.0.0.1:{taken}", "GATEWAY_ADDR": "127.0.0.1:0"}
    ended = run(tmp_path, "serve", **addresses)
    assert ended.returncode == 2
    comm = Path("/proc/self/comm").read_text().strip()
    assert ended.stderr == (
        f"chatter: cannot listen on 127.0.0.1:{taken} (SERVER_ADDR): Address already in use by {comm} "
        f"(pid {os.getpid()}); set SERVER_ADDR to another, or let --remap find one\n"
    )


@pytest.mark.integration
def test_a_server_that_moves_aside(tmp_path: Path, taken: int) -> None:
    variables = {"SERVER_ADDR": f"127.0.0.1:{taken}", "GATEWAY_ADDR": f"127.0.0.1:{taken}", "REMAP": "1"}
    server = Server(tmp_path, **variables)
    try:
        wait_until(lambda: server.process.poll() is not None or any("is ready" in line for line in server.said))
        header, first, second, ready = server.said
        assert header.split() == ["port", "instead", "of", "held", "by"]
        http, gateway = re.findall(rf"(\d+) +{taken} ", f"{first}\n{second}")
        assert ready == f"Chatter is ready at http://localhost:{http} (signaling on port {gateway})"
        assert status_of(f"http://127.0.0.1:{http}/health") == status_of(f"http://127.0.0.1:{gateway}/health") == 200
        assert server.stop() == 0
    finally:
        server.close()
