"""All checks, in order, and the report of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.doctor import call, clock, here, relays, sockets, there
from api.doctor.deployment import Deployment
from api.doctor.examination import Check, examine
from api.doctor.findings import Report
from api.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.doctor.findings import Finding

CHECKS: tuple[Check[Deployment], ...] = (
    Check("settings", here.settings),
    Check("secrets", here.secrets, ("settings",)),
    Check("disk", here.disk, ("settings",)),
    Check("database", here.database, ("settings",)),
    Check("schema", here.schema, ("database",)),
    Check("bus", here.bus, ("settings",)),
    Check("name", there.name),
    Check("connection", there.connection, ("name",)),
    Check("certificate", there.certificate, ("connection",)),
    Check("server", there.server, ("settings", "certificate")),
    Check("clock", clock.clock),
    Check("proxy-headers", there.proxy_headers, ("server",)),
    Check("websocket", sockets.through_the_proxy, ("server",)),
    Check("origins", sockets.origins, ("websocket",)),
    Check("turn-udp", relays.relay("udp"), ("settings",), relays.LIMIT_S),
    Check("turn-tcp", relays.relay("tcp"), ("settings",), relays.LIMIT_S),
    Check("turn-tls", relays.relay("tls"), ("settings",), relays.LIMIT_S),
    Check("call", call.call, ("schema", "origins"), call.LIMIT_S),
)


async def check_up(
    deployment: Deployment,
    begun: Callable[[str], None] = lambda _: None,
    done: Callable[[Finding], None] = lambda _: None,
) -> Report:
    """Run all checks and let go of the deployment; `begun` and `done` hear of each check."""
    started_at = int(deployment.clock() * 1000)
    try:
        findings = await examine(deployment, CHECKS, begun, done)
    finally:
        await deployment.close()
    return Report(
        ok=all(finding.status != "failed" for finding in findings),
        url=deployment.origin,
        version=VERSION,
        started_at=started_at,
        checks=findings,
    )
