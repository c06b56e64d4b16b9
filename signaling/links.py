"""The open connections of a node."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from signaling.link import Link
    from signaling.live import LiveRoom


class Links:
    """All open connections. Those of a room are found by its members, so what concerns one room looks at few."""

    def __init__(self, rooms: Mapping[str, LiveRoom]) -> None:
        self._rooms = rooms
        self._all: set[Link] = set()
        self._outside: set[Link] = set()
        """Those that carry no member yet: they come in, or wait in a lobby."""
        self._by_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Link]:
        """Go through all as they are now, whatever happens to them meanwhile."""
        return iter(list(self._all))

    def add(self, link: Link) -> None:
        """Take note of a connection that carries nobody yet."""
        self._all.add(link)
        self._outside.add(link)
        self._by_address[link.request.address] += 1

    def seated(self, link: Link) -> None:
        """Take note that it carries a member."""
        self._outside.discard(link)

    def remove(self, link: Link) -> bool:
        """Forget a connection; tell whether it was known."""
        if link not in self._all:
            return False
        self._all.discard(link)
        self._outside.discard(link)
        self._by_address[link.request.address] -= 1
        if not self._by_address[link.request.address]:
            del self._by_address[link.request.address]
        return True

    def count_from(self, address: str) -> int:
        """Count those from an address."""
        return self._by_address[address]

    def outside(self) -> list[Link]:
        """Return those that carry no member."""
        return list(self._outside)

    def of_room(self, room_id: str) -> list[Link]:
        """Return the connections of a room's members, and those that want to become some."""
        live = self._rooms.get(room_id)
        sessions = live.sessions.values() if live is not None else ()
        inside = [session.link for session in sessions if session.link is not None]
        return inside + [link for link in self._outside if link.request.room_id == room_id]
