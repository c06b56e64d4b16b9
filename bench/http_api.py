"""API: requests per second through every layer, down to the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count

import httpx2 as httpx

from bench.http_load import HttpClient, RefreshingClient, repeat_all
from bench.scenario import Metric, Progress, Sample, Scale, Scenario, percentile_ms, stay_on_load_core
from bench.servers import Chatter

REFRESH = "POST /auth/refresh"
NEW_ROOM = "POST /rooms"
_DEVICE = {"X-Device-ID": "bench"}
_PASSWORD = "a password for benchmarks"
_ROOMS_OF_AN_ACCOUNT = 500
_numbers = count(1)

Request = Callable[[], object]


def run_api(scale: Scale, progress: Progress) -> list[Sample]:
    """Let a few clients ask one request after the other, each over a connection of its own."""
    stay_on_load_core()
    results = []
    for repetition in range(scale.repeat):
        with Chatter() as server:
            for kind in (REFRESH, NEW_ROOM):
                progress(f"[{repetition + 1}/{scale.repeat}] {kind}: {scale.askers} connections")
                with askers(server, kind, scale.askers) as requests:
                    repeat_all(requests, min(1.0, scale.seconds))
                    results.append(_measure(server, kind, requests, scale.seconds))
    return results


def _measure(server: Chatter, kind: str, requests: list[Request], seconds: float) -> Sample:
    cpu = server.cpu_seconds()
    per_second, times = repeat_all(requests, seconds)
    values = {
        "per_second": per_second,
        "cpu_us": (server.cpu_seconds() - cpu) / len(times) * 1e6,
        "p50_ms": percentile_ms(times, 50),
        "p99_ms": percentile_ms(times, 99),
    }
    return Sample(kind, values)


@contextmanager
def askers(server: Chatter, kind: str, number: int) -> Iterator[list[Request]]:
    """Sign in so many clients; give what each is to do again and again."""
    with ExitStack() as stack:
        if kind == REFRESH:
            yield [stack.enter_context(refresher(server)).refresh for _ in range(number)]
        else:
            yield [stack.enter_context(RoomMaker(server)).make for _ in range(number)]


def refresher(server: Chatter) -> RefreshingClient:
    """Return a browser with an account of its own."""
    _, cookie = sign_up(server)
    return RefreshingClient(server.http_port, _DEVICE | {"Origin": server.origin or ""}, cookie)


def sign_up(server: Chatter) -> tuple[str, str]:
    """Make an account; return its token and its cookie."""
    account = {"username": f"asker{next(_numbers)}", "password": _PASSWORD}
    answer = httpx.post(f"{server.http_url}/auth/register", json=account, headers=_DEVICE).raise_for_status()
    return answer.json()["token"], answer.headers["set-cookie"].partition(";")[0]


class RoomMaker(HttpClient):
    """Someone who makes rooms, and another account whenever one has all the rooms that it may."""

    def __init__(self, server: Chatter) -> None:
        super().__init__(server.http_port, _DEVICE)
        self._server = server
        self._made = 0
        self._token = ""

    def make(self) -> None:
        """Make a room."""
        if self._made % _ROOMS_OF_AN_ACCOUNT == 0:
            self._token, _ = sign_up(self._server)
        self._made += 1
        self.ask("POST", "/rooms", Authorization=f"Bearer {self._token}")


SCENARIO = Scenario(
    name="api",
    title="API",
    about=(
        "A few clients ask one request after the other, with the embedded database (SQLite) that `chatter serve` "
        "starts with. A refresh reads and writes the device's session and signs a token; a new room is a "
        "transaction."
    ),
    metrics=(
        Metric("per_second", "requests/s", "{:,.0f}", higher_is_better=True),
        Metric("cpu_us", "CPU µs per request", "{:,.0f}"),
        Metric("p50_ms", "p50 ms"),
        Metric("p99_ms", "p99 ms"),
    ),
    run=run_api,
    plotted=("per_second",),
)
