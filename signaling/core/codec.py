"""Frames to messages and back. The happy path is one strict decode; naming a fault exactly is the slow path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from signaling.core.messages import CLIENT_TYPES, SERVER_TYPES, ClientMessage, ServerMessage
from signaling.errors import FrameFault

_decode: Callable[[str], ClientMessage] = msgspec.json.Decoder(ClientMessage).decode


class BadFrame(Exception):
    """A client frame that cannot be accepted. `ref` is its `id`, where it had a usable one."""

    def __init__(self, fault: FrameFault, detail: str = "", ref: int | None = None) -> None:
        super().__init__(detail or fault.text)
        self.fault = fault
        self.detail = detail or fault.text
        self.ref = ref


def decode(text: str) -> ClientMessage:
    """Turn the text of a client frame into its message. Raises `BadFrame`."""
    try:
        return _decode(text)
    except (ValueError, RecursionError) as error:  # msgspec also lets UnicodeDecodeError and RecursionError through
        raise _explain(text, error) from None


encode: Callable[[ServerMessage], bytes] = msgspec.json.Encoder().encode
"""Turn a server message into the JSON text of its frame, without `seq`."""


def number(body: bytes, seq: int) -> bytes:
    """Add `seq` to an encoded frame. One body serves all receivers, each with its own number."""
    return b'{"seq":%d,' % seq + body[1:]


def _explain(text: str, error: Exception) -> BadFrame:
    if isinstance(error, RecursionError):
        return BadFrame(FrameFault.TOO_DEEP)
    try:
        raw: Any = msgspec.json.decode(text)
    except RecursionError:
        return BadFrame(FrameFault.TOO_DEEP)
    except ValueError:
        return BadFrame(FrameFault.BAD_JSON)
    if not isinstance(raw, dict) or not isinstance(raw.get("type"), str):
        return BadFrame(FrameFault.BAD_FRAME, "A frame is a JSON object with a `type`.")
    ref = raw.get("id")
    ref = ref if isinstance(ref, int) and not isinstance(ref, bool) and 0 <= ref < 2**53 else None
    kind = raw["type"]
    if kind in SERVER_TYPES:
        return BadFrame(FrameFault.SERVER_ONLY_TYPE, ref=ref)
    if kind not in CLIENT_TYPES:
        return BadFrame(FrameFault.UNKNOWN_TYPE, ref=ref)
    detail = str(error)
    fault = FrameFault.UNKNOWN_FIELD if detail.startswith("Object contains unknown field") else FrameFault.BAD_FRAME
    return BadFrame(fault, detail[:200], ref)
