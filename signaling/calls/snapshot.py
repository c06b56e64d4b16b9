"""A record as it was at one moment: the JSON that is stored and exported, and what lists show of it."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from signaling.calls.overview import CallOverview, overview
from signaling.core.calls.record import CallRecord


class Snapshot(Struct, frozen=True):
    """What is stored of a call. `encoded` is one line of JSON."""

    overview: CallOverview
    encoded: bytes

    @classmethod
    def of(cls, record: CallRecord, updated_at: int) -> Snapshot:
        """Take a record as it is now, at `updated_at` (milliseconds since 1970 UTC)."""
        return cls(overview(record, updated_at), encode_record(record))

    @classmethod
    def read(cls, encoded: bytes, updated_at: int) -> Snapshot:
        """Read what a record was when it was encoded. Takes milliseconds for a large call: belongs into a thread."""
        return cls(overview(decode_record(encoded), updated_at), encoded)


def encode_record(record: CallRecord) -> bytes:
    """Return a record as it is stored and exported: JSON on one line."""
    return msgspec.json.encode(record)


def decode_record(stored: str | bytes) -> CallRecord:
    """Return the record that was stored. Raises `msgspec.ValidationError` for one that a newer version wrote."""
    return _DECODER.decode(stored)


_DECODER = msgspec.json.Decoder(CallRecord)
