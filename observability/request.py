"""What the middlewares of one HTTP request share."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, cast

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

_KEY = "chatter.request"
_random = random.Random()  # noqa: S311  # a name, not a secret; asking the system for each costs ten times as much


def _new_id() -> str:
    return f"{_random.getrandbits(64):016x}"


@dataclass(slots=True)
class RequestInfo:
    """One request as it becomes known on its way in: the router adds the route, authentication the user."""

    id: str = field(default_factory=_new_id)
    route: str | None = None
    """Route template such as `/rooms/{room_id}`; None where nothing matched."""
    user_id: int | None = None
    username: str | None = None
    address: str = ""
    error: str | None = None
    """Class of the exception behind a 500, where one was caught."""


def request_info(scope: Scope) -> RequestInfo:
    """Return the information of the request that this ASGI scope belongs to, making it at first use."""
    info = scope.get(_KEY)
    if info is None:
        info = scope[_KEY] = RequestInfo()
    return cast(RequestInfo, info)
