"""`/rooms/{id}/recordings`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from msgspec import Struct
from quart import Blueprint, Response, g, request
from quart.wrappers.response import FileBody
from quart_schema import document_response, validate_response

from api.http.bodies import Empty
from api.http.errors import problem
from api.http.openapi import file_answer, problems
from api.http.security import application, authenticated, public
from auth.errors import Unauthenticated
from signaling.core.names import is_room_id
from signaling.recording.errors import (
    AlreadyRecording,
    QuotaExceeded,
    RecordersBusy,
    RecordingNotFound,
    RecordingNotReady,
    RecordingRefused,
    RoomEmpty,
    StorageFull,
    TooManyRecordings,
)
from signaling.recording.folders import is_recording_id
from signaling.recording.service import RecordingService, Shown
from signaling.recording.tickets import LINK_TTL_S, TicketInvalid
from signaling.rooms import RoomNotFound

_CHUNK_BYTES = 256 * 1024
_REFUSALS: dict[type[RecordingRefused], tuple[int, str, str]] = {
    AlreadyRecording: (409, "already_recording", "This call is being recorded."),
    RoomEmpty: (409, "room_empty", "Nobody is in the room, so there is nothing to record."),
    RecordingNotReady: (409, "recording_not_ready", "The recording is not finished yet."),
    TooManyRecordings: (409, "too_many_recordings", "You have as many recordings as one may have; delete one first."),
    RecordersBusy: (503, "recorders_busy", "This server records as many calls as it can; try again later."),
    QuotaExceeded: (507, "quota_exceeded", "The recordings on this server take all the space they may; delete some."),
    StorageFull: (507, "storage_full", "The disk of this server is nearly full."),
}


class Recording(Struct, rename="camel"):
    """A recording. `progress` goes from 0 to 1 while the film is made; `error` says why it ended early or failed."""

    recording_id: str
    room_id: str
    status: Literal["starting", "recording", "processing", "ready", "failed"]
    started_at: str
    stopped_at: str | None
    bytes: int
    duration_ms: int
    progress: float
    error: str


class RecordingList(Struct):
    """Recordings, newest first."""

    recordings: list[Recording]


class RecordingLink(Struct, rename="camel"):
    """An address from which the film can be watched or downloaded without signing in, for `expiresIn` seconds."""

    url: str
    expires_in: int


def create_recordings_blueprint() -> Blueprint:
    """Return the routes under `/rooms/{id}/recordings`."""
    recordings = Blueprint("recordings", __name__)
    one = "/rooms/<room_id>/recordings/<recording_id>"

    @recordings.errorhandler(RecordingRefused)
    async def refused(error: RecordingRefused) -> Response:
        return problem(*_REFUSALS[type(error)])

    @recordings.errorhandler(RecordingNotFound)
    async def not_found(_: RecordingNotFound) -> Response:
        return problem(404, "recording_not_found", "There is no such recording, or it is not open to you.")

    @recordings.post("/rooms/<room_id>/recordings")
    @authenticated
    @problems(404, 409, 503, 507)
    @validate_response(Recording, 201)
    async def start_recording(room_id: str) -> tuple[Recording, int]:
        """Record the call that runs in a room of yours. Everyone in it sees the recorder."""
        shown = await _service().begin(_room(room_id), g.principal.user_id, g.principal.username)
        return _view(shown), 201

    @recordings.get("/rooms/<room_id>/recordings")
    @authenticated
    @problems(404)
    @validate_response(RecordingList)
    async def list_recordings(room_id: str) -> RecordingList:
        """List the recordings of a room of yours, newest first."""
        return RecordingList([_view(shown) for shown in await _service().list(_room(room_id), g.principal.user_id)])

    @recordings.get(one)
    @authenticated
    @problems(404)
    @validate_response(Recording)
    async def get_recording(room_id: str, recording_id: str) -> Recording:
        """Show a recording and how far it is."""
        return _view(await _service().show(_room(room_id), _id(recording_id), g.principal.user_id))

    @recordings.post(f"{one}/stop")
    @authenticated
    @problems(404, 503)
    @validate_response(Recording)
    async def stop_recording(room_id: str, recording_id: str) -> Recording:
        """Stop recording; the film is made next. Stopping twice is no error."""
        return _view(await _service().end(_room(room_id), _id(recording_id), g.principal.user_id))

    @recordings.delete(one)
    @authenticated
    @problems(404, 409)
    @document_response(Empty, 204)
    async def delete_recording(room_id: str, recording_id: str) -> tuple[str, int]:
        """Delete a recording and its files for good."""
        await _service().delete(_room(room_id), _id(recording_id), g.principal.user_id)
        return "", 204

    @recordings.post(f"{one}/link")
    @authenticated
    @problems(404, 409)
    @validate_response(RecordingLink)
    async def link_recording(room_id: str, recording_id: str) -> RecordingLink:
        """Make a link with which a browser can play or download the film, for an hour."""
        link = await _service().link(_room(room_id), _id(recording_id), g.principal.user_id)
        return RecordingLink(f"/api/rooms/{room_id}/recordings/{recording_id}/film/{link}", LINK_TTL_S)

    @recordings.get(f"{one}/file")
    @authenticated
    @problems(404, 409, 416)
    @file_answer("video/mp4")
    async def download_recording(room_id: str, recording_id: str) -> Response:
        """Download the film (MP4), whole or in ranges (RFC 9110 §14)."""
        film = await _service().film(_room(room_id), _id(recording_id), g.principal.user_id)
        return await _send(film, recording_id)

    @recordings.get(f"{one}/film/<link>")
    @problems(401, 404, 416)
    @file_answer("video/mp4")
    @public("the signed link itself is the key, as a player cannot send a bearer token")
    async def play_recording(room_id: str, recording_id: str, link: str) -> Response:
        """Play or download the film by a link from `POST …/link`; `?download` asks to save it."""
        try:
            film = await _service().linked_film(_room(room_id), _id(recording_id), link)
        except TicketInvalid:
            raise Unauthenticated from None
        return await _send(film, recording_id, attachment="download" in request.args)

    return recordings


def _service() -> RecordingService:
    return application().recordings


def _room(room_id: str) -> str:
    if not is_room_id(room_id):
        raise RoomNotFound(room_id)
    return room_id


def _id(recording_id: str) -> str:
    if not is_recording_id(recording_id):  # it goes into a header and an address, so no other way to write it
        raise RecordingNotFound(recording_id)
    return recording_id


async def _send(film: Path, recording_id: str, *, attachment: bool = True) -> Response:
    """Answer with a file, or the part of it that is asked for (RFC 9110 §14; several parts at once are not offered).

    Quart's own `send_file` fails on the last so many bytes (`bytes=-500`).
    """
    found = film.stat()  # noqa: ASYNC240  # as cheap as it gets
    size, etag = found.st_size, f"{found.st_mtime_ns:x}-{found.st_size:x}"
    if request.if_none_match.contains(etag):
        return _labelled(Response(b"", status=304), etag)
    part = _wanted_part(size, etag)
    begin, end = part or (0, size)
    if begin >= end:
        return _no_such_part(size)
    body = FileBody(film, buffer_size=_CHUNK_BYTES)
    await body.make_conditional(begin, end)
    response = _labelled(Response(body, mimetype="video/mp4"), etag)
    response.content_length = end - begin
    response.timeout = None  # a long film over a slow line takes longer than any request should
    if part is not None:
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
    if attachment:
        response.headers["Content-Disposition"] = f"attachment; filename=recording-{recording_id}.mp4"
    return response


def _wanted_part(size: int, etag: str) -> tuple[int, int] | None:
    """Return begin and end of the part that is asked for, (0, 0) for one that is not there, None for all of it."""
    wanted, unless = request.range, request.if_range
    if unless.date is not None or unless.etag not in {None, etag}:
        return None
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1:
        return None
    return wanted.range_for_length(size) or (0, 0)


def _labelled(response: Response, etag: str) -> Response:
    response.set_etag(etag)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _no_such_part(size: int) -> Response:
    refused = problem(416, "range_not_satisfiable", "The file has no such part.")
    refused.headers["Content-Range"] = f"bytes */{size}"
    return refused


def _view(shown: Shown) -> Recording:
    recording = shown.recording
    return Recording(
        recording_id=recording.id,
        room_id=recording.room_id,
        status=recording.status,
        started_at=_moment(recording.started_at),
        stopped_at=None if recording.stopped_at is None else _moment(recording.stopped_at),
        bytes=recording.bytes,
        duration_ms=recording.duration_ms,
        progress=round(shown.progress, 2),
        error=recording.error,
    )


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
