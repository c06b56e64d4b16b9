"""Who waits at the door, and who is told of it."""

from __future__ import annotations

from signaling.core.lobby import MAX_WAITING, Lobby, Tell
from signaling.core.messages import Knocker, Waiting
from signaling.core.messages import Lobby as WaitingList
from signaling.core.room import Deliver


def listing(to: str, *names: str) -> Deliver:
    """The queue, as these keepers are told of it; who waits is called by the id."""
    return Deliver(tuple(to), WaitingList(waiting=tuple(Knocker(name, name.upper()) for name in names)))


def knock(lobby: Lobby, name: str) -> list[Deliver | Tell]:
    return lobby.knock(name, name.upper())


def test_without_a_keeper_only_the_one_who_knocks_is_told() -> None:
    assert knock(Lobby(), "x") == [Tell(("x",), Waiting(hostPresent=False))]


def test_keepers_learn_of_each_change_in_order() -> None:
    lobby = Lobby()
    assert lobby.attend("ab", "abc") == []
    assert knock(lobby, "x") == [Tell(("x",), Waiting(hostPresent=True)), listing("ab", "x")]
    assert knock(lobby, "y")[1] == listing("ab", "x", "y")
    assert lobby.gone("x") == [listing("ab", "y")]
    assert lobby.gone("y") == [listing("ab")]
    assert lobby.gone("y") == []


def test_a_keeper_who_comes_later_learns_who_waits() -> None:
    lobby = Lobby()
    knock(lobby, "x")
    assert lobby.attend("a", "a") == [listing("a", "x"), Tell(("x",), Waiting(hostPresent=True))]
    assert lobby.attend("ab", "ab") == [listing("b", "x")]
    assert lobby.attend("ab", "abc") == []


def test_who_is_keeper_no_more_sees_the_queue_vanish() -> None:
    lobby = Lobby()
    lobby.attend("ab", "ab")
    knock(lobby, "x")
    assert lobby.attend("a", "ab") == [listing("b")]
    assert lobby.attend("", "b") == [Tell(("x",), Waiting(hostPresent=False))]  # a left, so there is nobody to tell


def test_a_queue_is_bounded() -> None:
    lobby = Lobby()
    for number in range(MAX_WAITING):
        assert not lobby.is_full
        knock(lobby, str(number))
    assert lobby.is_full
    lobby.gone("0")
    assert not lobby.is_full
