"""Visits to a Chatter behind the proxy: an account, a room, a socket, a word."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from typing import Any

import httpx2
from cryptography import x509
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from tests.infra.proxy import Nginx

ORIGIN = "https://localhost"


def sign_up(client: httpx2.Client, username: str) -> dict[str, str]:
    """Make an account; return the headers of its requests."""
    body = {"username": username, "password": "a long enough phrase"}
    answer = client.post("/auth/register", json=body, headers={"X-Device-ID": "laptop", "Origin": ORIGIN})
    assert answer.status_code == 200 or answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def open_room(client: httpx2.Client, bearer: dict[str, str]) -> str:
    """Make a room; return its id."""
    return str(client.post("/rooms", headers=bearer).json()["roomId"])


def way_into(client: httpx2.Client, bearer: dict[str, str], room: str) -> str:
    """Return the target of a handshake, with a ticket."""
    ticket = client.post("/ws-tickets", headers=bearer).json()["ticket"]
    return f"/ws/{room}?ticket={ticket}"


def way_in(client: httpx2.Client, username: str) -> str:
    """Make an account with a room; return the target of a handshake."""
    bearer = sign_up(client, username)
    return way_into(client, bearer, open_room(client, bearer))


def open_socket(nginx: Nginx, target: str) -> connect:
    """Open a socket through the proxy."""
    # Not the client with threads: it reads and writes one TLS connection at once, which OpenSSL does not allow.
    return connect(
        f"wss://{nginx.name}:{nginx.https_port}{target}",
        host="127.0.0.1",
        ssl=ssl.create_default_context(cadata=nginx.authority_pem),
        origin=Origin(ORIGIN),
        proxy=None,
        open_timeout=15,
        close_timeout=5,
        ping_interval=None,
    )


def certificate_of(name: str, port: int, host: str = "127.0.0.1") -> x509.Certificate:
    """Return the certificate that browsers get who look for this name there."""
    anyone = ssl.create_default_context()
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, port), timeout=10) as raw,
        anyone.wrap_socket(raw, server_hostname=name) as wrapped,
    ):
        return x509.load_der_x509_certificate(wrapped.getpeercert(binary_form=True) or b"")


async def next_frame(opened: ClientConnection) -> dict[str, Any]:
    """Return the next frame that comes."""
    async with asyncio.timeout(15):
        frame: dict[str, Any] = json.loads(await opened.recv())
    return frame


async def say_and_hear(opened: ClientConnection, text: str) -> None:
    """Say a word and wait until it comes back."""
    await opened.send(json.dumps({"type": "chat", "text": text}))
    frame = await next_frame(opened)
    while frame["type"] != "chat":
        frame = await next_frame(opened)
    assert frame["text"] == text
