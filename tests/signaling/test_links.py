"""The open connections of a node."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from signaling.link import Link, LinkRequest
from signaling.links import Links
from tests.signaling.fakes import ORIGIN


class Linked:
    """A connection, as far as it is looked at here."""

    def __init__(self, room: str, address: str) -> None:
        self.request = LinkRequest(room, ORIGIN, address=address)


def link_to(room: str, address: str = "192.0.2.1") -> Link:
    return cast("Link", Linked(room, address))


def test_those_of_a_room_are_its_members_and_those_at_its_door() -> None:
    rooms: dict[str, Any] = {}
    links = Links(rooms)
    member, newcomer, other = link_to("a"), link_to("a"), link_to("b")
    for link in (member, newcomer, other):
        links.add(link)
    assert set(links.of_room("a")) == {member, newcomer}
    rooms["a"] = SimpleNamespace(sessions={"1": SimpleNamespace(link=member), "2": SimpleNamespace(link=None)})
    links.seated(member)
    assert links.of_room("a") == [member, newcomer]
    assert set(links.outside()) == {newcomer, other}
    links.remove(newcomer)
    assert links.of_room("a") == [member]


def test_they_are_counted_by_address_until_they_are_gone() -> None:
    links = Links({})
    near, far = link_to("a", "192.0.2.1"), link_to("a", "198.51.100.1")
    links.add(near)
    links.add(far)
    assert (len(links), links.count_from("192.0.2.1"), links.count_from("203.0.113.1")) == (2, 1, 0)
    assert links.remove(near)
    assert not links.remove(near)
    assert (len(links), links.count_from("192.0.2.1"), links.outside()) == (1, 0, [far])


def test_one_may_go_while_all_are_gone_through() -> None:
    links = Links({})
    for _ in range(3):
        links.add(link_to("a"))
    for link in links:
        links.remove(link)
    assert list(links) == []
