"""`python -m bench.unobserved`: the `chatter` command, with a server that neither counts nor times nor notes anything.

Traces and log lines have settings for that. Metrics and call records have none, for nobody should want to be without
them; here what they do is taken out, method by method.
"""

from __future__ import annotations

from typing import Any

import api.db
import api.http.site
from api.cli import main
from observability.http import HttpMetrics
from observability.request import Asgi
from signaling.calls.keeper import CallKeeper
from signaling.calls.live import LiveCall
from signaling.metrics import SignalingMetrics


def silence_all() -> None:
    """Take out what observes requests, queries, frames and calls."""
    _silence(SignalingMetrics, "received", "relayed", "sent", "queued", "closed", "parted", "joined", "left", "carried")
    _silence(LiveCall, "started", "joined", "left", "lost", "back", "renamed", "role_changed", "refused", "ended")
    _silence(LiveCall, "signaled", "reported", "report_dropped", "tick")
    _silence(CallKeeper, "begin", "ended")
    _silence(HttpMetrics, "request", "handshake")
    _silence(api.db, "observe_queries")
    _replace(api.http.site, "ObservingMiddleware", _unobserved)


def _silence(owner: object, *names: str) -> None:
    for name in names:
        _replace(owner, name, _nothing)


def _replace(owner: object, name: str, by: object) -> None:
    getattr(owner, name)  # fails for one that has another name by now
    setattr(owner, name, by)


def _nothing(*_: Any, **__: Any) -> None:
    pass


def _unobserved(app: Asgi, *_: Any) -> Asgi:
    return app


if __name__ == "__main__":
    silence_all()
    main()
