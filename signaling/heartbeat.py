"""Finds peers that went silent. One timer for all connections: a timer each would cost more than the connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from signaling.errors import Close

if TYPE_CHECKING:
    from collections.abc import Iterator

    from signaling.link import Link

MISSED_PINGS = 2


class Heartbeat:
    """Ping every connection once per `interval` ticks, spread evenly; cut it when two pings got no answer in time.

    `tick` is called once a second, and what it gives taken to the end before the next. A peer that falls silent is
    noticed after at most 2 intervals + `patience` ticks.
    """

    def __init__(self, interval: int, patience: int) -> None:
        if not 0 < patience < interval:
            raise ValueError("patience must be shorter than the interval")
        self.interval = interval
        """Ticks from one ping of a connection to its next."""
        self._slots: list[set[Link]] = [set() for _ in range(interval)]
        self._slot_of: dict[Link, int] = {}
        self._patience = patience
        self._ticks = 0
        self._next_slot = 0

    def add(self, link: Link) -> None:
        """Watch a connection."""
        self._next_slot = (self._next_slot + 1) % len(self._slots)
        self._slots[self._next_slot].add(link)
        self._slot_of[link] = self._next_slot

    def remove(self, link: Link) -> None:
        """Stop watching a connection. Idempotent."""
        slot = self._slot_of.pop(link, None)
        if slot is not None:
            self._slots[slot].discard(link)

    def tick(self) -> Iterator[Link]:
        """Cut those that are overdue, then ping those whose turn it is; give each when it was pinged.

        The pings go out as the caller asks for them, so that many can be spread over a while.
        """
        self._ticks += 1
        overdue = self._slots[(self._ticks - self._patience) % len(self._slots)]
        for link in list(overdue):
            if link.unanswered_pings >= MISSED_PINGS:
                link.close(Close.PING_TIMEOUT)
                link.abort()
        for link in list(self._slots[self._ticks % len(self._slots)]):
            link.ping()
            yield link
