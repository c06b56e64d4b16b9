"""Which other nodes are there. Pure: time is an argument, in seconds that no change of the clock moves."""

from __future__ import annotations

from collections.abc import Iterator

from signaling.bus.courier import Sender

SILENCE_S = 8.0
"""A node that was not heard for so long is gone; with a beat every 2 s, three may be missed."""
BEAT_S = 2.0
_PATIENCE_S = 3.0
"""How long a node that was never heard may take to say something, where the database says that it is there."""


class Nodes:
    """Who was heard when, and of whom that is expected."""

    def __init__(self) -> None:
        self._heard: dict[Sender, float] = {}
        self._expected: dict[Sender, float] = {}

    def heard(self, sender: Sender, now: float) -> list[Sender]:
        """Note a sign of life; return the earlier lives of this node, which are over."""
        self._expected.pop(sender, None)
        self._heard[sender] = now
        former = [other for other in self._heard if other.node == sender.node and other != sender]
        for other in former:
            del self._heard[other]
        return former

    def expect(self, sender: Sender, now: float) -> None:
        """Wait for a sign of life of a node; does nothing where it was heard, or is waited for."""
        if sender not in self._heard:
            self._expected.setdefault(sender, now)

    def gone(self, sender: Sender) -> None:
        """Forget a node that said goodbye."""
        self._heard.pop(sender, None)
        self._expected.pop(sender, None)

    def silent(self, now: float) -> list[Sender]:
        """Return, and forget, the nodes that were not heard for too long."""
        silent = [sender for sender, at in self._heard.items() if now - at >= SILENCE_S]
        silent += [sender for sender, at in self._expected.items() if now - at >= _PATIENCE_S]
        for sender in silent:
            self.gone(sender)
        return silent

    def __contains__(self, sender: Sender) -> bool:
        return sender in self._heard

    def __iter__(self) -> Iterator[Sender]:
        return iter(tuple(self._heard))

    def __len__(self) -> int:
        return len(self._heard)
