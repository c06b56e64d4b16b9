"""What HTTP says and does at a node of a room that lives at another one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

import api.application
from auth.service import SignedIn
from tests.buses import BusServer
from tests.contracts.several import ROOM, Three, hello
from tests.contracts.site import PATIENCE_S, Door, Visitor, until
from tests.signaling.recording.fakes import FakeLauncher

pytestmark = pytest.mark.integration
UNREACHABLE = (503, "node_unreachable")
FOLLOWS_S = 4.0
"""After so long a call follows the database in any case."""


@pytest.fixture
def only_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no call follow the database by itself; to be asked for before the nodes."""
    monkeypatch.setattr(api.application, "_FOLLOW_INTERVAL_S", 3600.0)


class Client:
    """Someone who asks one node over HTTP."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def ask(self, method: str, path: str = "", **options: Any) -> httpx2.Response:
        """Ask something of the room."""
        return await self._client.request(method, f"/rooms/{ROOM}{path}", **options)

    async def show(self, path: str = "") -> Any:
        """Return what is shown of the room."""
        answer = await self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def rooms(self) -> list[dict[str, Any]]:
        """Return the list of rooms."""
        return list((await self._client.get("/rooms")).raise_for_status().json()["rooms"])


@asynccontextmanager
async def client_of(door: Door, person: SignedIn | None = None) -> AsyncIterator[Client]:
    """Ask a node, as someone."""
    headers = {} if person is None else {"Authorization": f"Bearer {person.access_token}"}
    base_url = f"http://127.0.0.1:{door.site.ports['asgi']}"
    async with httpx2.AsyncClient(base_url=base_url, headers=headers, timeout=10) as client:
        yield Client(client)


def problem_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await condition():  # noqa: ASYNC110  # what is waited for happens at another node
            await asyncio.sleep(0.02)


async def test_people_are_counted_wherever_they_are(three: Three, owner: SignedIn) -> None:
    await three.a.site.open_room("empty", owner)
    first, _ = await hello(three.a)
    await hello(three.b, first)
    for door in three.doors:
        async with client_of(door, owner) as client:
            assert {room["roomId"]: room["members"] for room in await client.rooms()} == {ROOM: 2, "empty": 0}
            assert (await client.show())["members"] == 2
            assert (await client.ask("PATCH", json={"name": "Daily"})).json()["members"] == 2
    async with client_of(three.c) as guest:
        assert (await guest.show())["members"] == 2


async def test_people_of_a_node_that_does_not_answer_are_not_counted_as_none(
    three: Three, owner: SignedIn, nats: BusServer
) -> None:
    await hello(three.a)
    nats.kill()
    async with client_of(three.b, owner) as client:
        assert (await client.show())["members"] is None
        assert [room["members"] for room in await client.rooms()] == [None]
    async with client_of(three.a, owner) as client:
        assert (await client.show())["members"] == 1


async def test_a_room_whose_node_said_goodbye_is_empty(three: Three, owner: SignedIn) -> None:
    await three.b.site.sign_up("ben")
    await hello(three.a)
    await three.stop(three.a)
    async with client_of(three.b, owner) as client:
        assert (await client.show())["members"] == 0
        assert (await client.ask("PUT", "/moderators/ben")).status_code == 200


@pytest.mark.usefixtures("only_told")
async def test_a_change_reaches_the_call_at_once(three: Three, owner: SignedIn) -> None:
    guest, _ = await hello(three.a)
    async with client_of(three.b, owner) as client:
        assert (await client.ask("PATCH", json={"lobby": "guests"})).status_code == 200
    assert (await guest.expect("room"))["room"]["lobby"] == "guests"


@pytest.mark.usefixtures("only_told")
async def test_a_room_is_deleted_from_another_node(three: Three, owner: SignedIn) -> None:
    here, _ = await hello(three.a)
    there, _ = await hello(three.c, here)
    async with client_of(three.b, owner) as client:
        assert (await client.ask("DELETE")).status_code == 204
    for visitor in (here, there):
        assert await closing(visitor) == (4508, "room_closed")


async def test_without_the_bus_changes_reach_the_call_by_way_of_the_database(
    three: Three, owner: SignedIn, nats: BusServer
) -> None:
    guest, _ = await hello(three.a)
    nats.kill()
    async with client_of(three.b, owner) as client:
        assert (await client.ask("PATCH", json={"lobby": "guests"})).status_code == 200
        async with asyncio.timeout(3 * FOLLOWS_S):
            assert (await guest.expect("room"))["room"]["lobby"] == "guests"
        assert (await client.ask("DELETE")).status_code == 204
    assert await closing(guest) == (4508, "room_closed")


async def test_a_moderator_is_appointed_and_dismissed_from_another_node(three: Three, owner: SignedIn) -> None:
    ben = await three.b.site.sign_up("ben")
    host, _ = await hello(three.a, person=owner)
    tab, _ = await hello(three.c, host, person=ben)
    async with client_of(three.b, owner) as client:
        for method, role in (("PUT", "moderator"), ("DELETE", "member")):
            assert (await client.ask(method, "/moderators/ben")).status_code in {200, 204}
            for visitor in (host, tab):
                await visitor.expect("role", clientId=tab.id, role=role)


async def test_a_moderator_whom_the_call_does_not_know_yet_is_tried_again(
    three: Three, owner: SignedIn, nats: BusServer
) -> None:
    ben = await three.a.site.sign_up("ben")
    tab, _ = await hello(three.a, person=ben)
    async with client_of(three.b, owner) as client:
        nats.kill()
        refused = await client.ask("PUT", "/moderators/ben")
        assert problem_of(refused) == UNREACHABLE
        assert int(refused.headers["retry-after"]) > 0
        await asyncio.to_thread(nats.start)
        await eventually(lambda: succeeded(client, "PUT", "/moderators/ben"))
        await tab.expect("role", clientId=tab.id, role="moderator")
        nats.kill()
        assert problem_of(await client.ask("DELETE", "/moderators/ben")) == UNREACHABLE
        await asyncio.to_thread(nats.start)
        await eventually(lambda: dismissed(client, "/moderators/ben"))
        await tab.expect("role", clientId=tab.id, role="member")


async def succeeded(client: Client, method: str, path: str) -> bool:
    return (await client.ask(method, path)).status_code == 200


async def dismissed(client: Client, path: str) -> bool:
    """Tell whether it is done now, or was done by a question that came late."""
    return (await client.ask("DELETE", path)).status_code in {204, 404}


@pytest.mark.usefixtures("only_told")
async def test_signing_out_closes_sockets_at_every_node(three: Three, owner: SignedIn) -> None:
    sockets = [(await hello(three.a, person=owner))[0]]
    sockets.append((await hello(three.b, *sockets, person=owner))[0])
    await three.c.site.application.auth.logout(refresh_token=None, access_token=owner.access_token)
    for visitor in sockets:
        assert await closing(visitor) == (4509, "signed_out")


# --- calls -----------------------------------------------------------------------------------------------------------


async def test_a_running_call_is_shown_as_it_is(three: Three, owner: SignedIn) -> None:
    first, _ = await hello(three.a)
    async with client_of(three.b, owner) as client:
        (call,) = (await client.show("/calls"))["calls"]
        assert (call["running"], call["people"]) == (True, 1)
        second, _ = await hello(three.c, first)

        async def members() -> list[dict[str, Any]]:
            return list((await client.show(f"/calls/{call['id']}"))["call"]["members"])

        async def both() -> bool:  # not at once: the owner writes a call once a second at most
            return [member["id"] for member in await members()] == [first.id, second.id]

        async def one_has_left() -> bool:
            return "leftAt" in (await members())[1]

        await eventually(both)
        await second.go()
        await first.expect("presence", action="leave")
        await eventually(one_has_left)


async def test_without_the_bus_a_running_call_is_shown_as_it_was_written(
    three: Three, owner: SignedIn, nats: BusServer
) -> None:
    first, _ = await hello(three.a)
    async with client_of(three.b, owner) as client:
        await client.show("/calls")
        nats.kill()
        (call,) = (await client.show("/calls"))["calls"]
        shown = (await client.show(f"/calls/{call['id']}"))["call"]
    assert [member["id"] for member in shown["members"]] == [first.id]


async def test_a_trouble_is_noted_in_the_call_that_runs_elsewhere(three: Three, owner: SignedIn) -> None:
    await hello(three.a)
    async with client_of(three.c) as guest:
        assert (await guest.ask("POST", "/troubles", json={"reason": "socket_blocked"})).status_code == 204
    async with client_of(three.b, owner) as client:
        (call,) = (await client.show("/calls"))["calls"]

        async def noted() -> bool:
            events = (await client.show(f"/calls/{call['id']}"))["call"]["events"]
            return [event["detail"] for event in events if event["kind"] == "unreachable"] == ["socket_blocked"]

        await eventually(noted)
    assert sum(door.site.metric("chatter_client_troubles_total") for door in three.doors) == 1


async def test_a_trouble_without_a_bus_is_noted_beside_the_call(three: Three, owner: SignedIn, nats: BusServer) -> None:
    await hello(three.a)
    async with client_of(three.b, owner) as client:
        await client.show("/calls")
        nats.kill()
        assert (await client.ask("POST", "/troubles", json={"reason": "socket_lost"})).status_code == 204
        calls = (await client.show("/calls"))["calls"]
    assert sorted(call["people"] for call in calls) == [0, 1]


# --- recordings ------------------------------------------------------------------------------------------------------


@pytest.fixture
def launchers(three: Three) -> list[FakeLauncher]:
    """Fake recorders at every node."""
    made = [FakeLauncher() for _ in three.doors]
    for door, launcher in zip(three.doors, made, strict=True):
        supervisor: Any = door.site.application.recordings.supervisor
        supervisor.launcher = launcher
    return made


async def test_a_recording_is_started_shown_and_stopped_at_any_node(
    three: Three, owner: SignedIn, launchers: list[FakeLauncher]
) -> None:
    async with client_of(three.b, owner) as b, client_of(three.c, owner) as c:
        assert problem_of(await b.ask("POST", "/recordings")) == (409, "room_empty")
        await hello(three.a)
        started = await b.ask("POST", "/recordings")
        assert started.status_code == 201
        path = f"/recordings/{started.json()['recordingId']}"
        recorder = await launchers[1].worker(1)
        recorder.say(event="size", bytes=1234)

        async def grown() -> bool:
            return bool((await c.show(path))["bytes"] == 1234)

        await eventually(grown)
        assert problem_of(await c.ask("POST", "/recordings")) == (409, "already_recording")
        assert (await c.ask("POST", f"{path}/stop")).status_code == 200
        assert recorder.orders[-1].stop
        maker = await launchers[1].worker(2)
        maker.say(event="progress", progress=0.4)

        async def on_its_way() -> bool:
            return bool((await c.show("/recordings"))["recordings"][0]["progress"] == 0.4)

        await eventually(on_its_way)
        maker.make(b"film")

        async def ready() -> bool:
            return bool((await c.show(path))["status"] == "ready")

        await eventually(ready)
        film = three.b.site.application.settings.recording.folder / path.rpartition("/")[2]
        assert film.is_dir()
        assert (await c.ask("DELETE", path)).status_code == 204
        await eventually(lambda: gone(film))


async def gone(folder: Any) -> bool:
    return not folder.exists()


async def test_who_leads_a_call_elsewhere_may_record_it(
    three: Three, owner: SignedIn, launchers: list[FakeLauncher]
) -> None:
    ben = await three.a.site.sign_up("ben")
    host, _ = await hello(three.a, person=owner)
    tab, _ = await hello(three.a, host, person=ben)
    async with client_of(three.b, ben) as client:
        assert (await client.ask("POST", "/recordings")).status_code == 404
        await host.send("role", clientId=tab.id, role="host")
        await until(lambda: three.a.site.hub.moderates(ROOM, ben.user_id))
        started = await client.ask("POST", "/recordings")
        assert started.status_code == 201


async def test_a_recording_that_cannot_be_reached_says_so(
    three: Three, owner: SignedIn, nats: BusServer, launchers: list[FakeLauncher]
) -> None:
    await hello(three.a)
    async with client_of(three.b, owner) as b, client_of(three.c, owner) as c:
        started = await b.ask("POST", "/recordings")
        await launchers[1].worker(1)
        nats.kill()
        path = f"/recordings/{started.json()['recordingId']}"
        assert problem_of(await c.ask("POST", f"{path}/stop")) == UNREACHABLE
        assert (await c.ask("GET", path)).json()["status"] == "starting"
        assert (await b.ask("POST", f"{path}/stop")).status_code == 200


async def test_nothing_is_recorded_of_a_call_that_cannot_be_reached(
    three: Three, owner: SignedIn, nats: BusServer, launchers: list[FakeLauncher]
) -> None:
    await hello(three.a)
    nats.kill()
    async with client_of(three.b, owner) as client:
        assert problem_of(await client.ask("POST", "/recordings")) == UNREACHABLE
        assert (await client.show("/recordings")) == {"recordings": []}
    async with client_of(three.b, await three.b.site.sign_up("eve")) as stranger:
        for method in ("GET", "POST"):  # whether a call runs is nothing to her
            assert problem_of(await stranger.ask(method, "/recordings")) == (404, "room_not_found")


async def closing(visitor: Visitor) -> tuple[int, str]:
    async with asyncio.timeout(4 * FOLLOWS_S):
        await visitor.connection.wait_closed()
    return visitor.connection.close_code or 0, visitor.connection.close_reason or ""
