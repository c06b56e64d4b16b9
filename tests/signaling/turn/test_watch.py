"""What the server remembers and tells of its checks of TURN servers."""

from __future__ import annotations

import logging

import pytest
from prometheus_client import CollectorRegistry

from signaling.turn.metrics import TurnMetrics
from signaling.turn.probe import UrlReport
from signaling.turn.urls import TurnUrl, parse_turn_url
from signaling.turn.watch import TurnWatch

UDP, OTHER_UDP, TLS = "turn:a.example", "turn:b.example", "turns:a.example"


class ScriptedProbe:
    """Answers as told: with a cause, or with None for what works; `ms` long each."""

    def __init__(self) -> None:
        self.causes: dict[str, str | None] = {}
        self.ms: dict[str, float] = {}

    async def check(self, url: TurnUrl) -> UrlReport:
        cause = self.causes.get(url.text)
        return UrlReport(
            url=url.text,
            transport=url.transport,
            ok=cause is None,
            cause=cause,
            detail=None if cause is None else "secret.internal refused",
            total_ms=self.ms.get(url.text, 20.0),
        )


class Scene:
    def __init__(self, *urls: str) -> None:
        self.registry = CollectorRegistry()
        self.probe = ScriptedProbe()
        parsed = tuple(parse_turn_url(url) for url in urls)
        self.watch = TurnWatch(parsed, self.probe, TurnMetrics(self.registry))

    def metric(self, name: str, transport: str) -> float | None:
        return self.registry.get_sample_value(f"chatter_turn_check_{name}", {"transport": transport})


async def test_all_is_well() -> None:
    scene = Scene(UDP, TLS)
    scene.probe.ms = {UDP: 12.4, TLS: 31.0}
    await scene.watch.check()
    assert scene.watch.problem() is None
    assert scene.watch.detail() == "udp 12 ms, tls 31 ms"
    assert (scene.metric("success", "udp"), scene.metric("success", "tls")) == (1, 1)
    assert scene.metric("duration_seconds", "udp") == pytest.approx(0.0124)
    assert scene.metric("duration_seconds", "tls") == pytest.approx(0.031)


def test_before_the_first_check_nothing_is_claimed() -> None:
    scene = Scene(UDP)
    assert scene.watch.problem() == "not checked yet"
    assert scene.watch.detail() is None
    assert scene.metric("success", "udp") is None


async def test_one_way_fails() -> None:
    scene = Scene(UDP, TLS)
    scene.probe.causes = {TLS: "tls_not_trusted"}
    await scene.watch.check()
    assert scene.watch.problem() == "tls: tls_not_trusted"
    assert scene.watch.detail() == "udp 20 ms"
    assert (scene.metric("success", "udp"), scene.metric("success", "tls")) == (1, 0)


async def test_a_way_works_only_when_all_its_addresses_do() -> None:
    scene = Scene(UDP, OTHER_UDP)
    scene.probe.ms = {UDP: 10.0, OTHER_UDP: 5000.0}
    scene.probe.causes = {OTHER_UDP: "unreachable"}
    await scene.watch.check()
    assert (scene.metric("success", "udp"), scene.metric("duration_seconds", "udp")) == (0, 5)


async def test_what_is_told_names_no_host() -> None:
    scene = Scene(UDP, OTHER_UDP)
    scene.probe.causes = {UDP: "quota", OTHER_UDP: "quota"}
    await scene.watch.check()
    assert scene.watch.problem() == "udp: quota"


async def test_only_changes_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "signaling.turn.watch")
    scene = Scene(UDP)
    for cause in (None, None, "quota", "quota", "unreachable", None, None):
        scene.probe.causes = {UDP: cause}
        await scene.watch.check()
    assert [record.getMessage() for record in caplog.records] == [
        "TURN check succeeded",
        "TURN check failed: quota",
        "TURN check failed: unreachable",
        "TURN check succeeded",
    ]
    assert scene.watch.problem() is None
