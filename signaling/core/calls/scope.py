"""Whom something is told of, in words that stay short however many they are."""

from __future__ import annotations

from collections.abc import Sequence

from signaling.core.calls.index import Index
from signaling.core.calls.words import shortened

Two = tuple[str, ...]
"""A pair by the ids of its members."""


class Scope:
    """Some pairs of a call."""

    __slots__ = ("_index", "_two", "everyone")

    def __init__(self, index: Index, pairs: Sequence[Two]) -> None:
        self._index = index
        self._two = list({frozenset(pair): pair for pair in pairs}.values())
        self.everyone = self._has_every_two()
        """Whether these are every two of three participants or more."""

    @property
    def members(self) -> list[str]:
        """Return who is in any of the pairs, each once."""
        return list(dict.fromkeys(member_id for pair in self._two for member_id in pair))

    def __str__(self) -> str:
        names = self._index.names
        if len(self._two) < 2:
            return names.listed(self.members)
        if self.everyone:
            return f"all {len(self.members)} participants"
        shared = set.intersection(*(set(pair) for pair in self._two))
        if len(shared) == 1:
            return self._of_one(shared.pop())
        pairs = ["–".join(names.of(member_id) for member_id in pair) for pair in self._two]
        return shortened(pairs, "other pair", "other pairs")

    def _of_one(self, member_id: str) -> str:
        names, others = self._index.names, [other for other in self.members if other != member_id]
        if not self._index.record.more_pairs and self._index.paired == {member_id, *others}:
            return f"{names.of(member_id)} and everyone else"
        return f"{names.of(member_id)} and each of {names.listed(others)}"

    def _has_every_two(self) -> bool:
        count = len(self.members)
        is_whole = not self._index.record.more_pairs and self._index.paired == set(self.members)
        return is_whole and count > 2 and len(self._two) == count * (count - 1) // 2
