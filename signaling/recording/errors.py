"""Why a recording cannot be started, seen or deleted."""

from __future__ import annotations


class RecordingRefused(Exception):
    """The recording cannot be started, or what is asked of it cannot be done."""


class AlreadyRecording(RecordingRefused):
    """The room is being recorded."""


class RoomEmpty(RecordingRefused):
    """Nobody is in the room."""


class TooManyRecordings(RecordingRefused):
    """The one who asks has as many as one may have."""


class RecordersBusy(RecordingRefused):
    """As many are recorded or put together as this server can bear."""


class QuotaExceeded(RecordingRefused):
    """The recordings take what they may take."""


class StorageFull(RecordingRefused):
    """The disk is nearly full."""


class RecordingNotFound(Exception):
    """There is no such recording, or it is not the asker's to see; both are the same to them."""


class RecordingNotReady(RecordingRefused):
    """There is no film yet, or it is still being worked on."""
