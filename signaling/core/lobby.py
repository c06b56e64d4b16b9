"""Those who wait at the door of a room, in the order they came. Pure: it returns news and sends none."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from signaling.core.messages import Knocker, ServerMessage, Waiting
from signaling.core.messages import Lobby as WaitingList
from signaling.core.room import Deliver

MAX_WAITING = 50
"""How many may wait at one door; who comes then finds the room full."""

MAX_WAITING_FROM_ONE = 20
"""How many of them may come from one network address, so that nobody alone fills a queue."""


class Tell(NamedTuple):
    """One message for some who wait. Every id in `to` waits at the time of the decision."""

    to: tuple[str, ...]
    message: ServerMessage


News = Deliver | Tell


class Lobby:
    """The queue at one door, and the keepers inside who can open it: hosts and moderators.

    It outlives a call: people wait for a host who has not come yet, too.
    """

    __slots__ = ("_keepers", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[str, str] = {}
        """Display names by id, in the order of arrival."""
        self._keepers: tuple[str, ...] = ()

    @property
    def is_full(self) -> bool:
        """Whether nobody else may wait."""
        return len(self.waiting) >= MAX_WAITING

    def knock(self, id: str, display_name: str) -> list[News]:
        """Let someone wait. The caller has asked `is_full`."""
        self.waiting[id] = display_name
        return [Tell((id,), Waiting(hostPresent=bool(self._keepers))), *self._list(self._keepers)]

    def gone(self, id: str) -> list[News]:
        """Take someone out of the queue: let in, turned away, or gone by themselves. Idempotent."""
        return [] if self.waiting.pop(id, None) is None else list(self._list(self._keepers))

    def attend(self, keepers: Collection[str], present: Collection[str]) -> list[News]:
        """Note who can open the door now; `present` is everyone inside.

        New keepers learn who waits, those who are none any more see the queue vanish, and those who wait learn when
        the first keeper comes or the last one goes.
        """
        former, self._keepers = self._keepers, tuple(keepers)
        if not self.waiting:
            return []
        news: list[News] = list(self._list(tuple(id for id in self._keepers if id not in former)))
        retired = tuple(id for id in former if id in present and id not in self._keepers)
        if retired:
            news.append(Deliver(retired, WaitingList(waiting=())))
        if bool(former) is not bool(self._keepers):
            news.append(Tell(tuple(self.waiting), Waiting(hostPresent=bool(self._keepers))))
        return news

    def recall(self) -> list[News]:
        """Tell the keepers again who waits."""
        return list(self._list(self._keepers))

    def _list(self, keepers: tuple[str, ...]) -> list[Deliver]:
        knockers = tuple(Knocker(id, name) for id, name in self.waiting.items())
        return [Deliver(keepers, WaitingList(waiting=knockers))] if keepers else []
