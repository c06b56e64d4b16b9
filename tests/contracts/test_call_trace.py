"""By either door, a call is a trace of its own, which leads to handshakes and tickets and to no claim of a client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import msgspec
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from sqlalchemy.engine import URL

from auth.service import SignedIn
from tests.buses import BusServer
from tests.contracts.several import ROOM, hello, resume, running_node
from tests.contracts.site import DOORS, Door, DoorName, Site, running_site, site_settings
from tests.observability.otlp import Receiver, attributes, receiving

CLIENT = 3
"""A span of kind CLIENT (OpenTelemetry, `Span.SpanKind`)."""


@asynccontextmanager
async def traced_site(database: URL, folder: Path, receiver: Receiver) -> AsyncIterator[tuple[Site, SignedIn]]:
    """Run a server that sends its spans to the receiver; with the owner of its room `stand-up`."""
    settings = site_settings(folder, database)
    observability = msgspec.structs.replace(settings.observability, otlp_endpoint=receiver.url)
    async with running_site(msgspec.structs.replace(settings, observability=observability)) as site:
        alice = await site.sign_up("alice")
        await site.open_room("stand-up", alice)
        yield site, alice


@pytest.mark.parametrize("door_name", DOORS)
async def test_a_join_leads_to_its_handshake_and_its_ticket(
    sqlite_url: URL, tmp_path: Path, door_name: DoorName
) -> None:
    with receiving() as receiver:
        async with traced_site(sqlite_url, tmp_path, receiver) as (site, alice):
            door = Door(site, door_name)
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{site.ports['asgi']}") as client:
                headers = {"Authorization": f"Bearer {alice.access_token}"}
                ticket = (await client.post("/ws-tickets", headers=headers)).json()["ticket"]
            visitor = await door.knock("stand-up", f"ticket={ticket}")
            welcome = await visitor.expect("welcome")
            await visitor.go()
            await door.close()
        join = receiver.one("join")
        asked, handshake = receiver.one("POST /ws-tickets"), receiver.one("GET /ws/{room_id}")
        assert join.trace_id.hex() == welcome["callId"]
        assert [link.span_id for link in join.links] == [handshake.span_id, asked.span_id]
        assert attributes(join.attributes)["chatter.join.via"] == "ticket"
        below = [span.name for span in receiver.spans if span.parent_span_id == join.span_id]
        assert any(name.startswith("SELECT") for name in below), below
        ids = {span.trace_id for span in (join, asked, handshake)}
        assert len(ids) == 3
        assert not any(ticket.encode() in span.SerializeToString() for span in receiver.spans)


async def test_the_way_over_the_bus_is_part_of_a_join_and_of_a_resume(
    postgres: URL, nats: BusServer, tmp_path: Path
) -> None:
    with receiving() as receiver:
        async with (
            running_node(tmp_path, postgres, nats, "a", receiver.url) as a,
            running_node(tmp_path, postgres, nats, "b", receiver.url) as b,
        ):
            await a.site.open_room(ROOM, await a.site.sign_up("olivia"))
            first, _ = await hello(a)
            second, token = await hello(b, first)
            second.connection.transport.abort()
            await first.expect("presence", action="lost")
            back = await resume(b, token, second, 2)
            await back.expect("resumed")
            for visitor in (first, back):
                await visitor.go()
        receiver.wait_for(lambda: _count(receiver, "publish chatter.node") == 2)
        trips = [span for span in receiver.spans if span.name == "publish chatter.node"]
        far = next(span for span in receiver.spans if span.name == "join" and _edge_of(span))
        for parent in (far, receiver.one("resume")):
            (trip,) = [span for span in trips if span.parent_span_id == parent.span_id]
            assert trip.kind == CLIENT
            assert attributes(trip.attributes) == {
                "messaging.system": "nats",
                "messaging.operation.name": "publish",
                "messaging.operation.type": "send",
                "messaging.destination.template": "chatter.node.{node}",
            }
            assert parent.start_time_unix_nano <= trip.start_time_unix_nano <= trip.end_time_unix_nano
            assert trip.end_time_unix_nano <= parent.end_time_unix_nano
            below = [span.name for span in receiver.spans if span.parent_span_id == parent.span_id]
            assert below.index(trip.name) == 0, "before what the owner did"


def _count(receiver: Receiver, name: str) -> int:
    return sum(span.name == name for span in receiver.spans)


def _edge_of(span: Span) -> object:
    return attributes(span.attributes).get("chatter.node.edge")


CLAIMED = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize("flag", ["00", "01"])
@pytest.mark.parametrize("door_name", DOORS)
async def test_nobody_gets_into_a_trace_by_claiming_to_be_in_it(
    sqlite_url: URL, tmp_path: Path, door_name: DoorName, flag: str
) -> None:
    forged = {"traceparent": f"00-{CLAIMED}-b7ad6b7169203331-{flag}", "tracestate": "forged=1"}
    with receiving() as receiver:
        async with traced_site(sqlite_url, tmp_path, receiver) as (site, alice):
            door = Door(site, door_name)
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{site.ports['asgi']}") as client:
                headers = {"Authorization": f"Bearer {alice.access_token}"}
                assert (await client.get("/rooms", headers=headers | forged)).status_code == 200
            visitor = await door.knock("stand-up", f"token={alice.access_token}", headers=forged)
            welcome = await visitor.expect("welcome")
            await visitor.go()
            await door.close()
        handshake, asked, join = (receiver.one(name) for name in ("GET /ws/{room_id}", "GET /rooms", "join"))
        for span in (handshake, asked):
            assert span.parent_span_id == b""
            assert [link.trace_id.hex() for link in span.links] == [CLAIMED]
        assert join.trace_id.hex() == welcome["callId"]
        assert CLAIMED not in {span.trace_id.hex() for span in receiver.spans}
