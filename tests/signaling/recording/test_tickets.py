"""Tickets and links: what is signed opens its one door in its time, and nothing else does."""

from __future__ import annotations

import pytest

from signaling.recording.tickets import LINK_TTL_S, TICKET_TTL_S, TicketInvalid, Tickets

SECRET = "0123456789abcdef" * 3


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tickets(clock: Clock) -> Tickets:
    return Tickets(SECRET, clock)


def test_a_ticket_names_room_recording_and_starter(tickets: Tickets, clock: Clock) -> None:
    claim = tickets.recorder(tickets.for_recorder("stand-up", "rec-1", 7))
    assert (claim.room_id, claim.recording_id, claim.started_by) == ("stand-up", "rec-1", 7)
    assert claim.expires_at == (clock.now + TICKET_TTL_S) * 1000


def test_a_ticket_ends(tickets: Tickets, clock: Clock) -> None:
    ticket = tickets.for_recorder("stand-up", "rec-1", 7)
    clock.now += TICKET_TTL_S - 1
    tickets.recorder(ticket)
    clock.now += 1
    with pytest.raises(TicketInvalid):
        tickets.recorder(ticket)


def test_a_link_opens_one_recording_until_it_ends(tickets: Tickets, clock: Clock) -> None:
    link = tickets.for_file("rec-1")
    assert tickets.file(link) == "rec-1"
    clock.now += LINK_TTL_S
    with pytest.raises(TicketInvalid):
        tickets.file(link)


def test_every_changed_character_is_noticed(tickets: Tickets) -> None:
    ticket = tickets.for_recorder("stand-up", "rec-1", 7)
    for index in range(len(ticket) - 1):  # the last character holds bits that mean nothing
        changed = ticket[:index] + ("A" if ticket[index] != "A" else "B") + ticket[index + 1 :]
        with pytest.raises(TicketInvalid):
            tickets.recorder(changed)


@pytest.mark.parametrize("garbage", ["", "rec.", "rec..", "rec.a.b", "rec.é.ü", "x" * 5000, "a.b.c"])
def test_garbage_is_refused(tickets: Tickets, garbage: str) -> None:
    with pytest.raises(TicketInvalid):
        tickets.recorder(garbage)
    with pytest.raises(TicketInvalid):
        tickets.file(garbage)


def test_a_link_is_no_ticket_and_a_ticket_no_link(tickets: Tickets) -> None:
    with pytest.raises(TicketInvalid):
        tickets.recorder(f"rec.{tickets.for_file('rec-1')}")
    with pytest.raises(TicketInvalid):
        tickets.file(tickets.for_recorder("stand-up", "rec-1", 7).removeprefix("rec."))


def test_another_secret_signs_other_tickets(tickets: Tickets, clock: Clock) -> None:
    with pytest.raises(TicketInvalid):
        Tickets("f" * 48, clock).recorder(tickets.for_recorder("stand-up", "rec-1", 7))
