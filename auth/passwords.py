"""Passwords: which are good enough, and how they are hashed without stopping the event loop.

A stored hash is `v2$` and then bcrypt of base64(HMAC-SHA384(pepper, NFC(password))). The pre-hash makes 64 characters
of any password, so bcrypt's limit of 72 bytes and its end at NUL never matter; the pepper makes it more than a plain
hash, which could be shucked with hashes leaked elsewhere (OWASP Password Storage Cheat Sheet).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import threading
import unicodedata
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from importlib import resources
from typing import Any, TypeVar

import bcrypt

from auth.errors import Busy, InvalidInput
from auth.metrics import AuthMetrics, HashOperation

MIN_CHARACTERS = 10
MAX_BYTES = 1024

_SCHEME = "v2$"
_PRODUCT_WORDS = ("chatter",)
_MIN_OWN_CHARACTERS = 4
# Any salt and digest of the right length will do: what counts is that checking it costs what checking a real one does.
_DUMMY_TAIL = "$" + "abcdefghijklmnopqrstuu" + "ZqrOTzDvmVzkLj3YBPJtJ0nWpA4yWBm"

Outcome = TypeVar("Outcome")


class PasswordHasher:
    """Hashes and verifies in `threads` threads with `queue` places to wait; beyond that it raises `Busy`.

    Call `close` when done.
    """

    def __init__(self, metrics: AuthMetrics, *, pepper: str, cost: int = 12, threads: int = 4, queue: int = 64) -> None:
        self._metrics = metrics
        self._pepper = pepper.encode()
        self._cost = cost
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="password")
        self._places = threads + queue
        self._taken = 0
        self._lock = threading.Lock()  # a place is given back in the thread that did the work
        self._dummy = f"{_SCHEME}$2b${cost:02d}{_DUMMY_TAIL}"

    async def hash(self, password: str) -> str:
        """Return what to store for `password`, which must have passed `check_size`. Raises `Busy`."""
        return await self._run("hash", lambda: self._hash(password))

    async def verify(self, password: str, stored: str | None) -> bool:
        """Tell whether `stored` was made from `password`. Raises `Busy`.

        None stands for an unknown user. It costs one bcrypt run and is false; so is a hash of a scheme unknown here.
        """
        return await self._run("verify", lambda: self._verify(password, stored))

    def needs_rehash(self, stored: str) -> bool:
        """Tell whether `stored` was made with another scheme or cost than today's."""
        return not stored.startswith(f"{_SCHEME}$2b${self._cost:02d}$")

    def close(self) -> None:
        """Drop what waits and let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _hash(self, password: str) -> str:
        return _SCHEME + bcrypt.hashpw(self._prehash(password), bcrypt.gensalt(self._cost)).decode()

    def _verify(self, password: str, stored: str | None) -> bool:
        known = stored is not None and stored.startswith(_SCHEME)
        candidate = stored if known and stored is not None else self._dummy
        return self._matches(password, candidate) and known

    def _matches(self, password: str, stored: str) -> bool:
        try:
            return bcrypt.checkpw(self._prehash(password), stored.removeprefix(_SCHEME).encode())
        except ValueError:  # not a bcrypt hash
            return False

    def _prehash(self, password: str) -> bytes:
        # Half a surrogate pair cannot come in as UTF-8; it must not break the check of a login all the same.
        normal = unicodedata.normalize("NFC", password).encode(errors="replace")
        return base64.b64encode(hmac.digest(self._pepper, normal, hashlib.sha384))

    async def _run(self, operation: HashOperation, work: Callable[[], Outcome]) -> Outcome:
        with self._lock:
            if self._taken >= self._places:
                raise Busy
            self._taken += 1
        try:
            future = self._pool.submit(self._timed, operation, work)
        except BaseException:
            self._give_back()
            raise
        # Not at the end of this coroutine: when its caller goes away, the thread is still at work.
        future.add_done_callback(self._give_back)
        return await asyncio.wrap_future(future)

    def _timed(self, operation: HashOperation, work: Callable[[], Outcome]) -> Outcome:
        with self._metrics.hashing(operation):
            return work()

    def _give_back(self, _future: Future[Any] | None = None) -> None:
        with self._lock:
            self._taken -= 1


def check_size(password: str, *, field: str = "password") -> None:
    """Refuse what no password can be: more than 1,024 bytes, or not Unicode text. Raises `InvalidInput`."""
    try:
        size = len(password.encode())
    except UnicodeEncodeError:
        raise InvalidInput(field, f"{field}: not valid Unicode text.") from None
    if size > MAX_BYTES:
        raise InvalidInput(field, f"{field}: at most 1,024 bytes.")


def check_policy(password: str, *, username: str, field: str = "password") -> None:
    """Refuse a new password that is too short, too long or easy to guess. Raises `InvalidInput`.

    There are no composition rules (ASVS 6.2.5).
    """
    check_size(password, field=field)
    normal = unicodedata.normalize("NFC", password)
    if len(normal) < MIN_CHARACTERS:
        raise InvalidInput(field, f"{field}: at least {MIN_CHARACTERS} characters.")
    folded = normal.casefold()
    if folded in _common_passwords():
        raise InvalidInput(field, f"{field}: too common; choose one that others would not.")
    if len(_without(folded, (username.casefold(), *_PRODUCT_WORDS))) < _MIN_OWN_CHARACTERS:
        raise InvalidInput(field, f"{field}: too close to the username or the name of this product.")


def _without(text: str, words: Iterable[str]) -> str:
    for word in words:
        text = text.replace(word, "")
    return text


@lru_cache(maxsize=1)
def _common_passwords() -> frozenset[str]:
    lines = resources.files("auth").joinpath("common_passwords.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line.casefold() for line in lines if line and not line.startswith("# "))
