"""A deployment as in production, small: the shipped nginx, two nodes, PostgreSQL, NATS and coturn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
from click.testing import CliRunner, Result
from sqlalchemy.engine import URL

from api.cli import main
from tests.api.process import Server, environment, free_ports
from tests.buses import BusServer
from tests.coturn import SECRET, Coturn
from tests.infra.proxy import Nginx, wait_until

HOST = "127.0.0.1"
Ports = tuple[int, int]


def nodes_variables(database: URL, nats: BusServer, coturn: Coturn) -> dict[str, str]:
    """Return what the nodes and the doctor have in common, but where people open it."""
    return {
        "ENV": "production",
        "AUTH_SECRET": "the-auth-secret-of-the-doctors-tests-0123456789",
        "AUTH_BCRYPT_COST": "10",
        "TRUSTED_HOPS": "1",
        "DATABASE_URL": database.set(drivername="postgresql").render_as_string(hide_password=False),
        "BUS_URL": nats.url,
        "TURN_URLS": ",".join(coturn.url(transport) for transport in ("udp", "tcp", "tls")),
        "TURN_SECRET": SECRET,
        "TURN_CA_FILE": str(coturn.ca_file),
    }


class Stack:
    """A running deployment; `ports` are those of its nodes."""

    def __init__(self, folder: Path, program: str, variables: Mapping[str, str], nodes: int = 2) -> None:
        self.folder = folder
        self.program = program
        self._closing = ExitStack()
        self.ports: list[Ports] = [tuple(free_ports(2)) for _ in range(nodes)]  # type: ignore[misc]
        self.nginx = self._proxy("nginx", {})
        self.variables = {"BASE_URL": url_of(self.nginx), **variables}

    def start(self) -> None:
        """Start the nodes and the proxy; wait until they are ready."""
        servers = [self._node(number, ports) for number, ports in enumerate(self.ports, 1)]
        for server in servers:
            server.wait_until_ready()
        wait_until(self.is_well)  # they look at the relays a moment later
        self.nginx.start()
        self._closing.callback(self.nginx.close)

    def close(self) -> None:
        """End all."""
        self._closing.close()

    def is_well(self) -> bool:
        """Tell whether every node says that all its parts are."""
        answers = [httpx2.get(f"http://{HOST}:{port}/readyz", trust_env=False).json() for port, _ in self.ports]
        return all(part["ok"] for answer in answers for part in answer["checks"].values())

    @contextmanager
    def behind(self, changes: Mapping[str, str] | None = None, ports: list[Ports] | None = None) -> Iterator[Nginx]:
        """Have another proxy in front of the nodes, with changes in its configuration; to be started."""
        made = self._proxy(f"nginx-{len(list(self.folder.iterdir()))}", changes or {}, ports)
        try:
            yield made
        finally:
            made.close()

    def _node(self, number: int, ports: Ports) -> Server:
        folder = self.folder / f"node-{number}"
        folder.mkdir()
        addresses = dict(zip(("SERVER_ADDR", "GATEWAY_ADDR"), (f"{HOST}:{port}" for port in ports), strict=True))
        server = Server(folder, NODE_ID=f"{self.folder.name}-{number}", **addresses, **self.variables)
        self._closing.callback(server.close)
        return server

    def _proxy(self, name: str, changes: Mapping[str, str], ports: list[Ports] | None = None) -> Nginx:
        first, *others = ports or self.ports
        return Nginx(self.folder / name, self.program, first, changes, others)

    def examine(self, nginx: Nginx | None = None, *arguments: str, **variables: str) -> Result:
        """Run the doctor in this process, with the settings of the nodes but for these variables."""
        nginx = nginx or self.nginx
        ca_file = nginx.folder / "ca.pem"
        ca_file.write_text(nginx.authority_pem)
        given = environment(self.folder, **({"NODE_ID": "doctor"} | self.variables | variables))
        url = () if "--url" in arguments else ("--url", url_of(nginx))
        return CliRunner().invoke(main, ["doctor", *url, "--ca-file", str(ca_file), *arguments], env=given)


def url_of(nginx: Nginx) -> str:
    """Return where this proxy is opened; by address, because a name may have further ones on this machine."""
    return f"https://{HOST}:{nginx.https_port}"
