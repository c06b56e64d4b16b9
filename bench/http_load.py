"""Requests one after the other over one connection, with as little of a client as can be."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self

_TIMEOUT_S = 10


class HttpClient:
    """Someone with a connection that is kept open (HTTP/1.1) as long as the context is.

    Understands answers with a `Content-Length` only.
    """

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self._port = port
        self._headers = {"Host": f"localhost:{port}", **headers}

    def __enter__(self) -> Self:
        self._socket = socket.create_connection(("127.0.0.1", self._port), _TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, method: str, path: str, **headers: str) -> dict[str, str]:
        """Send a request without a body; return the headers of the answer, in lower case. Raises `RuntimeError`."""
        lines = [
            f"{method} {path} HTTP/1.1",
            *(f"{name}: {value}" for name, value in {**self._headers, **headers}.items()),
        ]
        self._socket.sendall("\r\n".join([*lines, "Content-Length: 0", "", ""]).encode())
        head, _, body = self._read_until_head().partition(b"\r\n\r\n")
        status, *fields = head.decode("latin-1").split("\r\n")
        answered = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
        left = int(answered["content-length"]) - len(body)
        while left > 0:
            left -= len(self._socket.recv(left))
        if status.split()[1] != "200":
            raise RuntimeError(f"{method} {path}: {status}")
        if answered.get("connection") == "close":  # after a thousand requests
            self._socket.close()
            self.__enter__()
        return answered

    def _read_until_head(self) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            more = self._socket.recv(65536)
            if not more:
                raise RuntimeError("the server closed the connection")
            data += more
        return data


class RefreshingClient(HttpClient):
    """A browser that holds a refresh cookie and gets another with each answer."""

    def __init__(self, port: int, headers: dict[str, str], cookie: str) -> None:
        super().__init__(port, headers)
        self._cookie = cookie

    def refresh(self) -> None:
        """Exchange the cookie for the next."""
        answer = self.ask("POST", "/auth/refresh", Cookie=self._cookie)
        self._cookie = answer["set-cookie"].partition(";")[0]


def repeat(request: Callable[[], object], seconds: float) -> list[float]:
    """Make requests for so long; return how long each took, in seconds."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while (begun := time.perf_counter()) < end:
        request()
        times.append(time.perf_counter() - begun)
    return times


def repeat_all(requests: Sequence[Callable[[], object]], seconds: float) -> tuple[float, list[float]]:
    """Make each kind of request in a thread of its own; return requests per second and the seconds that each took."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(len(requests)) as threads:
        times = [taken for done in threads.map(lambda request: repeat(request, seconds), requests) for taken in done]
    return len(times) / (time.perf_counter() - begun), times
