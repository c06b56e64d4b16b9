"""What goes wrong on a server in operation, and how it is put right again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from tests.infra.stack.installation import NODES, Installation

_PROXY = "infra/nginx/proxy.conf"
_WEBSOCKETS = "infra/nginx/proxy-websocket.conf"
Plant = Callable[[Installation], AbstractContextManager[None]]


@dataclass(frozen=True)
class Fault:
    """A fault, the checks that must fail by it, and what all of them must name as the cause."""

    checks: set[str]
    cause: str
    plant: Plant
    options: tuple[str, ...] = ()
    apart: bool = False
    """Whether no node runs that the doctor could be run in."""


def _stopped(service: str) -> Plant:
    @contextmanager
    def plant(stack: Installation) -> Iterator[None]:
        stack.stop(service)
        try:
            yield
        finally:
            stack.start_again(service)
            stack.wait_until_well(*NODES)

    return plant


def _proxy_without(line: str, file: str) -> Plant:
    @contextmanager
    def plant(stack: Installation) -> Iterator[None]:
        path = stack.checkout / file
        shipped = path.read_text("utf-8")
        assert line in shipped
        path.write_text(shipped.replace(line, ""))
        stack.reload_nginx(*NODES)
        try:
            yield
        finally:
            path.write_text(shipped)
            stack.reload_nginx(*NODES)

    return plant


@contextmanager
def _another_turn_secret(stack: Installation) -> Iterator[None]:
    """Change the secret at the relay, but forget the nodes."""
    secret, kept = stack.checkout / "secrets" / "turn_secret", stack.checkout / "turn_secret.kept"
    secret.rename(kept)
    stack.run("scripts/secrets")
    stack.recreate("coturn")
    try:
        yield
    finally:
        kept.rename(secret)
        stack.recreate("coturn")


@contextmanager
def _short_secret(stack: Installation) -> Iterator[None]:
    secret, kept = stack.checkout / "secrets" / "auth_secret", stack.checkout / "auth_secret.kept"
    stack.stop("app-1")
    secret.rename(kept)
    secret.write_text("short")
    try:
        yield
    finally:
        kept.replace(secret)
        stack.start_again("app-1")


@contextmanager
def _schema_behind(stack: Installation) -> Iterator[None]:
    stack.migrate("migrate", "down")
    try:
        yield
    finally:
        stack.migrate()
        stack.wait_until_well(*NODES)


@contextmanager
def _nothing(stack: Installation) -> Iterator[None]:
    yield


_TURN = {"turn-udp", "turn-tcp", "turn-tls"}
FAULTS = {
    "a secret is too short": Fault({"settings"}, "AUTH_SECRET must have at least 32 bytes", _short_secret, apart=True),
    "the name leads elsewhere": Fault(
        {"name"}, "call.chatter.test leads to 192.52.193.", _nothing, ("--address", "203.0.113.9")
    ),
    "the proxy is stopped": Fault({"connection"}, "Nothing answers at ", _stopped("nginx")),
    "the proxy passes no WebSockets on": Fault(
        {"websocket"},
        "The proxy does not pass WebSockets on",
        _proxy_without("proxy_set_header Upgrade $websocket_upgrade;", _WEBSOCKETS),
    ),
    "the proxy passes on what visitors say of themselves": Fault(
        {"proxy-headers"},
        "The server believes what clients write into X-Forwarded-For",
        _proxy_without("proxy_set_header X-Forwarded-For $remote_addr;", _PROXY),
    ),
    "the relay is stopped": Fault(_TURN, " unreachable: ", _stopped("coturn")),
    "the relay has another secret": Fault(_TURN, " bad_secret: ", _another_turn_secret),
    "the bus is stopped": Fault({"bus"}, "Cannot reach the bus at nats://", _stopped("nats")),
    "the database is stopped": Fault({"database"}, "The database postgresql://", _stopped("postgres")),
    "the schema is behind": Fault({"schema"}, "The schema is behind by 1: ", _schema_behind),
}
