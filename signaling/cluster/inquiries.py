"""Questions between nodes: asked, answered, or given up after a moment."""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import TYPE_CHECKING, TypeVar

import msgspec

from signaling.cluster.questions import Answer, Ask
from signaling.elsewhere import NodeUnreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from signaling.bus.courier import Sender
    from signaling.bus.metrics import BusMetrics
    from signaling.cluster.host import Host
    from signaling.cluster.questions import AnyNews, AnyQuestion

logger = logging.getLogger(__name__)

PATIENCE_S = 1.0
"""How long a node may take to answer; whoever asked over HTTP waits meanwhile."""

T = TypeVar("T")


class Inquiries:
    """Ask other nodes, and answer what they ask. Until a `host` is named, the answer is that it cannot be done.

    `send` is the courier's; `hears` tells whether a node is there; `spawn` runs something beside. A node that does not
    answer costs `patience_s`.
    """

    def __init__(
        self,
        send: Callable[[Sender, Ask | Answer], None],
        hears: Callable[[Sender], bool],
        spawn: Callable[[Coroutine[object, object, None]], object],
        metrics: BusMetrics,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._send = send
        self._hears = hears
        self._spawn = spawn
        self._metrics = metrics
        self._patience_s = patience_s
        self._numbers = itertools.count(1)
        self._open: dict[int, tuple[Sender, asyncio.Future[Answer]]] = {}
        self.host: Host | None = None

    async def ask(self, node: Sender, question: AnyQuestion, kind: type[T], patience_s: float | None = None) -> T:
        """Return what a node answers. Raises `NodeUnreachable` where that does not come, or it could not."""
        number = next(self._numbers)
        coming: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._open[number] = node, coming
        try:
            self._send(node, Ask(number, question))
            answer = await asyncio.wait_for(coming, patience_s or self._patience_s)
        except TimeoutError:
            self._metrics.asked("unanswered")
            raise NodeUnreachable(node.node) from None
        finally:
            del self._open[number]
        return self._read(node, answer, kind)

    def asked(self, sender: Sender, ask: Ask) -> None:
        """Answer a question, soon."""
        self._spawn(self._answer(sender, ask))

    def answered(self, sender: Sender, answer: Answer) -> None:
        """Take an answer; one that comes too late, or from a node that was not asked, is nobody's."""
        node, coming = self._open.get(answer.number, (None, None))
        if node == sender and coming is not None and not coming.done():
            coming.set_result(answer)

    def heard(self, news: AnyNews) -> None:
        """Do what follows from news, soon."""
        self._spawn(self._heed(news))

    # --- inside

    def _read(self, node: Sender, answer: Answer, kind: type[T]) -> T:
        try:
            if answer.ok:
                value = msgspec.msgpack.decode(answer.value, type=kind)
                self._metrics.asked("ok")
                return value
        except (msgspec.DecodeError, UnicodeDecodeError):  # a node of another version
            pass
        self._metrics.asked("failed")
        raise NodeUnreachable(node.node)

    async def _answer(self, sender: Sender, ask: Ask) -> None:
        ok, found = False, None
        if self.host is not None:
            try:
                found = await ask.question.answer(self.host)
                ok = True
            except Exception as error:
                _say_failed(ask.question, error)
        if self._hears(sender):  # else it is gone meanwhile: nobody would ever forget a stream to it that begins now
            self._send(sender, Answer(ask.number, ok, msgspec.Raw(msgspec.msgpack.encode(found))))

    async def _heed(self, news: AnyNews) -> None:
        if self.host is not None:
            try:
                await news.heed(self.host)
            except Exception as error:
                _say_failed(news, error)


def _say_failed(what: AnyQuestion | AnyNews, error: Exception) -> None:
    # Not as an error with its stack: a database that is away is the usual cause, and says so itself.
    extra = {"event": "inquiry_failed", "kind": type(what).__name__, "error": type(error).__name__}
    logger.warning("what another node wanted could not be done", exc_info=error, extra=extra)
