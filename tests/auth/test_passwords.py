"""Passwords: policy, hashing, bounds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from importlib import resources

import bcrypt
import pytest
from prometheus_client import CollectorRegistry

from auth.errors import Busy, InvalidInput
from auth.metrics import AuthMetrics
from auth.passwords import PasswordHasher, check_policy
from tests.auth.fakes import CountingHasher


def new_hasher(*, pepper: str = "pepper", cost: int = 4, threads: int = 2, queue: int = 8) -> CountingHasher:
    metrics = AuthMetrics(CollectorRegistry())
    return CountingHasher(metrics, pepper=pepper, cost=cost, threads=threads, queue=queue)


@pytest.fixture
def hasher() -> Iterator[CountingHasher]:
    made = new_hasher()
    yield made
    made.close()


@pytest.mark.seed("S1-43")
async def test_a_hash_is_tagged_salted_bcrypt(hasher: CountingHasher) -> None:
    first, second = await hasher.hash("a long enough phrase"), await hasher.hash("a long enough phrase")
    assert first.startswith("v2$$2b$04$")
    assert first != second
    assert await hasher.verify("a long enough phrase", first)
    assert not await hasher.verify("a long enough phrasE", first)


async def test_the_default_cost_is_twelve() -> None:
    metrics = AuthMetrics(CollectorRegistry())
    hasher = PasswordHasher(metrics, pepper="pepper")
    stored = await hasher.hash("a long enough phrase")
    assert stored.startswith("v2$$2b$12$")
    hasher.close()


@pytest.mark.parametrize(
    ("password", "other"),
    [
        pytest.param("x" * 72 + "12345678", "x" * 72 + "87654321", id="equal in the first 72 bytes"),
        pytest.param("before\x00after one", "before\x00after two", id="equal up to a NUL"),
        pytest.param("\U0001f600" * 64, "\U0001f600" * 63 + "\U0001f601", id="64 emoji"),
        pytest.param("é" * 512, "é" * 511 + "è", id="1,024 bytes"),
    ],
)
async def test_every_byte_of_a_password_counts(hasher: CountingHasher, password: str, other: str) -> None:
    check_policy(password, username="alice")
    stored = await hasher.hash(password)
    assert await hasher.verify(password, stored)
    assert not await hasher.verify(other, stored)


async def test_the_same_text_typed_differently_is_the_same_password(hasher: CountingHasher) -> None:
    stored = await hasher.hash("cafe\u0301 au lait")  # e and a combining accent
    assert await hasher.verify("caf\u00e9 au lait", stored)


async def test_another_pepper_opens_nothing(hasher: CountingHasher) -> None:
    other = new_hasher(pepper="salt")
    assert not await other.verify("a long enough phrase", await hasher.hash("a long enough phrase"))
    other.close()


@pytest.mark.parametrize(
    "stored",
    ["", "v2$", "v2$not bcrypt", "plain text", "v1${bcrypt}", "v3${bcrypt}", "{bcrypt}", "v2$$2b$04$short"],
)
async def test_an_unknown_scheme_fails_closed(hasher: CountingHasher, stored: str) -> None:
    plain = bcrypt.hashpw(b"a long enough phrase", bcrypt.gensalt(4)).decode()
    assert not await hasher.verify("a long enough phrase", stored.format(bcrypt=plain))


async def test_an_unknown_user_costs_a_real_bcrypt_run(hasher: CountingHasher) -> None:
    assert not await hasher.verify("a long enough phrase", None)
    assert hasher.verified == 1
    # Were the dummy malformed, bcrypt would refuse it at once, at no cost.
    assert bcrypt.checkpw(b"anything", hasher._dummy.removeprefix("v2$").encode()) is False


def test_the_dummy_has_the_configured_cost() -> None:
    hasher = new_hasher(cost=13)
    assert hasher._dummy.startswith("v2$$2b$13$")
    hasher.close()


async def test_another_cost_or_scheme_needs_a_new_hash(hasher: CountingHasher) -> None:
    stored = await hasher.hash("a long enough phrase")
    dearer = new_hasher(cost=5)
    assert not hasher.needs_rehash(stored)
    assert dearer.needs_rehash(stored)
    assert hasher.needs_rehash("v1$something")
    dearer.close()


async def test_hashing_does_not_hold_up_the_event_loop() -> None:
    class Waiting(CountingHasher):
        def _hash(self, password: str) -> str:
            assert threading.current_thread() is not threading.main_thread()
            asyncio.run_coroutine_threadsafe(self.meet(), loop).result(5)  # needs a running loop
            return "done"

        async def meet(self) -> None:
            self.hashed += 1

    loop = asyncio.get_running_loop()
    hasher = Waiting(AuthMetrics(CollectorRegistry()), pepper="", cost=4)
    assert await hasher.hash("x") == "done"
    assert hasher.hashed == 1
    hasher.close()


async def test_more_than_the_queue_holds_is_refused_and_places_come_back() -> None:
    release = threading.Event()

    class Blocked(PasswordHasher):
        running = 0
        most = 0
        guard = threading.Lock()

        def _hash(self, password: str) -> str:
            with self.guard:
                self.running += 1
                self.most = max(self.most, self.running)
            release.wait(5)
            with self.guard:
                self.running -= 1
            return password

    hasher = Blocked(AuthMetrics(CollectorRegistry()), pepper="", cost=4, threads=2, queue=3)
    admitted = [asyncio.create_task(hasher.hash(str(number))) for number in range(5)]
    await asyncio.sleep(0)  # all five have taken their places
    with pytest.raises(Busy) as refused:
        await hasher.hash("one too many")
    assert (refused.value.code, refused.value.status, refused.value.retry_after) == ("busy", 503, 1.0)
    release.set()
    assert await asyncio.gather(*admitted) == ["0", "1", "2", "3", "4"]
    assert hasher.most <= 2
    assert await hasher.hash("now there is room") == "now there is room"
    hasher.close()


async def test_a_caller_who_leaves_keeps_the_place_until_the_thread_is_done() -> None:
    started = threading.Event()
    release = threading.Event()

    class Blocked(PasswordHasher):
        def _hash(self, password: str) -> str:
            started.set()
            release.wait(5)
            return password

    hasher = Blocked(AuthMetrics(CollectorRegistry()), pepper="", cost=4, threads=1, queue=0)
    leaving = asyncio.create_task(hasher.hash("x"))
    await asyncio.sleep(0)
    assert started.wait(5)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    with pytest.raises(Busy):
        await hasher.hash("y")
    release.set()
    hasher._pool.submit(lambda: None).result(5)  # behind the abandoned one
    assert await hasher.hash("z") == "z"
    hasher.close()


async def test_the_time_of_each_operation_is_measured() -> None:
    registry = CollectorRegistry()
    hasher = PasswordHasher(AuthMetrics(registry), pepper="", cost=4)
    await hasher.verify("x", await hasher.hash("x"))
    for operation in ("hash", "verify"):
        assert registry.get_sample_value("chatter_password_hash_duration_seconds_count", {"op": operation}) == 1
    hasher.close()


@pytest.mark.parametrize("password", ["securepassword", "a b c d e f", "пароль-подлиннее", "\U0001f600" * 10])
def test_good_passwords(password: str) -> None:
    check_policy(password, username="alice")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        pytest.param("nine char", "10 characters", id="nine characters"),
        pytest.param("e\u0301" * 9, "10 characters", id="nine characters in eighteen code points"),
        pytest.param("x" * 1025, "1,024 bytes", id="1025 bytes"),
        pytest.param("\U0001f600" * 257, "1,024 bytes", id="1028 bytes of emoji"),
        pytest.param("half a pair \ud83d", "Unicode", id="half a surrogate pair"),
        pytest.param("Password123", "too common", id="common in another case"),
        pytest.param("qwertyuiop", "too common", id="keyboard row"),
        pytest.param("Alice.Cooper", "too close", id="the username"),
        pytest.param("alice.cooperalice.cooper1", "too close", id="the username twice"),
        pytest.param("Chatter!Chatter", "too close", id="the product"),
        pytest.param("chatter123", "too common", id="the product and a number"),
    ],
)
def test_bad_passwords(password: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as refused:
        check_policy(password, username="alice.cooper")
    assert (refused.value.code, refused.value.status, refused.value.field) == ("validation_failed", 422, "password")


def test_the_list_of_common_passwords_holds_only_what_the_length_rule_lets_through() -> None:
    lines = resources.files("auth").joinpath("common_passwords.txt").read_text(encoding="utf-8").splitlines()
    listed = [line for line in lines if not line.startswith("# ")]
    assert len(listed) > 500
    assert len(set(listed)) == len(listed)
    assert all(len(line) >= 10 and line == line.casefold() for line in listed)
