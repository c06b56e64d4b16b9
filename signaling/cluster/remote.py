"""The far end of a connection: to the hub of the owner it is a transport like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from signaling.cluster.parcels import Abort, Close, Ping, Write

if TYPE_CHECKING:
    from signaling.bus.courier import Sender
    from signaling.cluster.cluster import Cluster


class RemoteTransport:
    """Write to a socket at another node."""

    __slots__ = ("_cluster", "_edge", "_number")

    def __init__(self, cluster: Cluster, edge: Sender, number: int) -> None:
        self._cluster = cluster
        self._edge = edge
        self._number = number

    def write(self, frame: bytes) -> None:
        """Send one text frame."""
        self._cluster.send(self._edge, Write(self._number, frame))

    def ping(self) -> None:
        """Send a protocol ping."""
        self._cluster.send(self._edge, Ping(self._number))

    def close(self, code: int, reason: str) -> None:
        """Start the closing handshake."""
        self._cluster.send(self._edge, Close(self._number, code, reason))

    def abort(self) -> None:
        """Drop the connection now."""
        self._cluster.send(self._edge, Abort(self._number))
        self._cluster.let_go(self._edge, self._number)
