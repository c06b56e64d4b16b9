"""What those see who watch the server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from sqlalchemy import text
from sqlalchemy.engine import URL

from api.migrate import known_migrations
from tests.api.process import free_ports
from tests.api.site import Site, open_site, settings_for

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.mark.seed("S1-23")
@pytest.mark.parametrize("path", ["/health", "/api/health", "/health/"])
async def test_health(site: Site, path: str) -> None:
    answer = await site.ask("GET", path)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_health_depends_on_nothing(tmp_path: Path) -> None:
    url = f"postgresql://u@127.0.0.1:{free_ports(1)[0]}/x"
    async with open_site(settings_for(None, tmp_path, DATABASE_URL=url)) as site:
        assert (await site.ask("GET", "/health")).status_code == 200


@pytest.mark.parametrize("path", ["/readyz", "/api/readyz"])
async def test_ready(either_site: Site, path: str) -> None:
    answer = await either_site.ask("GET", path)
    assert answer.status_code == 200
    own_clock = {"clock": {"ok": True, "required": False}} if either_site.application.clock_watch else {}
    assert answer.json() == {
        "status": "ready",
        "checks": {
            "database": {"ok": True},
            "schema": {"ok": True},
            "draining": {"ok": True},
            "disk": {"ok": True, "required": False},
            **own_clock,
        },
    }


async def test_not_ready_without_a_database(tmp_path: Path) -> None:
    url = f"postgresql://u:hush-hush@127.0.0.1:{free_ports(1)[0]}/x"
    async with open_site(settings_for(None, tmp_path, DATABASE_URL=url)) as site:
        answer = await site.ask("GET", "/readyz")
        assert answer.status_code == 503
        assert answer.json()["status"] == "unready"
        assert answer.json()["checks"]["database"] == {"ok": False, "problem": "DatabaseUnavailable"}
        assert answer.json()["checks"]["draining"] == {"ok": True}
        assert "hush" not in answer.text
        assert "127.0.0.1" not in answer.text


async def test_not_ready_with_an_older_schema(either_site: Site) -> None:
    newest = known_migrations()[-1]
    async with either_site.application.database.write() as db:
        await db.execute(text("DELETE FROM _yoyo_migration WHERE migration_id = :id"), {"id": newest})
    answer = await either_site.ask("GET", "/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["schema"] == {"ok": False, "problem": f"behind by 1: {newest}"}


async def test_not_ready_without_a_schema(tmp_path: Path) -> None:
    async with open_site(settings_for(None, tmp_path)) as site:
        answer = await site.ask("GET", "/readyz")
        assert answer.status_code == 503
        assert answer.json()["checks"]["schema"] == {"ok": False, "problem": "empty: no migrations were applied"}


async def test_not_ready_while_shutting_down(site: Site) -> None:
    site.application.hub.start()
    await site.application.hub.stop()
    answer = await site.ask("GET", "/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["draining"] == {"ok": False, "problem": "shutting down"}


@pytest.mark.seed("S1-24")
@pytest.mark.seed("S1-18")
@pytest.mark.parametrize("path", ["/metrics", "/api/metrics"])
async def test_metrics_in_both_formats(site: Site, path: str) -> None:
    await site.ask("GET", "/health")
    plain = await site.ask("GET", path)
    assert plain.headers["Content-Type"].startswith("text/plain")
    open_ = await site.ask("GET", path, headers={"Accept": OPENMETRICS})
    assert open_.headers["Content-Type"].startswith("application/openmetrics-text")
    assert open_.text.endswith("# EOF\n")
    names = {family.name for family in parse_text(plain.text)}
    families = parse_openmetrics(open_.text)  # type: ignore[no-untyped-call]
    assert {family.name for family in families} >= {
        "http_requests",
        "http_response_size_bytes",
        "http_request_duration_seconds",
        "chatter_ws_connections",
        "chatter_auth_attempts",
    }
    assert {"process_resident_memory_bytes", "python_gc_objects_collected", "chatter_build_info"} <= {
        name.removesuffix("_total") if name != "chatter_build" else name for name in names
    } | {f"{name}_info" for name in names}


@pytest.mark.seed("S1-56")
@pytest.mark.seed("S1-18")
async def test_requests_are_counted_by_route_never_by_path(site: Site, signed_in: dict[str, str]) -> None:
    await site.ask("POST", "/rooms", headers=signed_in, json={"roomId": "stand-up"})
    for path in ("/rooms/stand-up", "/api/rooms/stand-up", "/rooms/absent", "/rooms/stand-up?token=hush-hush"):
        await site.ask("GET", path, headers=signed_in)
    await site.ask("DELETE", "/auth/sessions/0197b0f2-c1d0-7c3c-8000-000000000000", headers=signed_in)
    await site.ask("GET", "/some/odd/page", headers={"Accept": "text/html"})
    await site.ask("GET", "/some/odd/file")
    await site.ask("PUT", "/rooms/stand-up")
    await site.ask("BREW", "/rooms")
    text_ = (await site.ask("GET", "/metrics")).text
    counted = {
        (sample.labels["method"], sample.labels["path"], sample.labels["status"]): sample.value
        for family in parse_text(text_)
        for sample in family.samples
        if sample.name == "http_requests_total"
    }
    assert counted[("POST", "/rooms", "200")] == 1
    assert counted[("GET", "/rooms/{room_id}", "200")] == 3
    assert counted[("GET", "/rooms/{room_id}", "404")] == 1
    assert counted[("DELETE", "/auth/sessions/{session_id}", "404")] == 1
    assert counted[("PUT", "unmatched", "405")] == 1
    assert counted[("_OTHER", "unmatched", "405")] == 1
    assert counted[("GET", "/{path}", "200")] == counted[("GET", "/{path}", "404")] == 1
    templates = {
        rule.rule.replace("path:", "").replace("<", "{").replace(">", "}")
        for rule in site.application.quart.url_map.iter_rules()
    }
    assert {path for _, path, _ in counted} <= templates | {"unmatched"}
    for secret in ("stand-up", "absent", "odd", "hush", "0197b0f2", "alice"):
        assert secret not in text_


@pytest.mark.seed("S1-56")
async def test_sizes_and_durations(site: Site) -> None:
    answer = await site.ask("GET", "/health")
    registry = site.application.registry
    labels = {"method": "GET", "path": "/health", "status": "200"}
    assert registry.get_sample_value("http_response_size_bytes_total", labels) == len(answer.content)
    labels = {"method": "GET", "path": "/health"}
    assert registry.get_sample_value("http_request_duration_seconds_count", labels) == 1
    taken = registry.get_sample_value("http_request_duration_seconds_sum", labels)
    assert taken is not None
    assert 0 < taken < 5
    assert registry.get_sample_value("http_requests_in_progress", {"method": "GET"}) == 0


async def test_a_request_that_fails_is_counted_too(
    site: Site, signed_in: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: int) -> None:
        raise RuntimeError

    monkeypatch.setattr(site.application.rooms, "owned", fail)
    await site.ask("GET", "/rooms", headers=signed_in)
    labels = {"method": "GET", "path": "/rooms", "status": "500"}
    assert site.application.registry.get_sample_value("http_requests_total", labels) == 1


def test_every_label_is_a_closed_set(tmp_path: Path) -> None:
    from api.app import create_app

    registry = create_app(settings_for(None, tmp_path)).registry
    allowed = {"method", "path", "status", "action", "result", "op", "reason", "role", "version", "generation"}
    allowed |= {"implementation", "major", "minor", "patchlevel", "stage", "transport", "kind", "direction", "type"}
    allowed |= {"folder", "scope", "state", "operation", "glare", "local", "remote", "protocol", "family", "side"}
    collectors = {collector for collector in registry._names_to_collectors.values()}
    for collector in collectors:
        assert set(getattr(collector, "_labelnames", ())) <= allowed, collector
    assert all(re.fullmatch(r"[a-z_]+", name) for name in allowed)


async def test_two_applications_do_not_share_their_metrics(sqlite_url: URL, tmp_path: Path) -> None:
    async with (
        open_site(settings_for(sqlite_url, tmp_path)) as one,
        open_site(settings_for(sqlite_url, tmp_path)) as two,
    ):
        await one.ask("GET", "/health")
        assert 'path="/health"' in (await one.ask("GET", "/metrics")).text
        assert 'path="/health"' not in (await two.ask("GET", "/metrics")).text


async def test_what_is_too_much_is_counted_by_where(sqlite_url: URL, tmp_path: Path) -> None:
    wrong = {"username": "alice", "password": "not the right phrase"}
    async with open_site(settings_for(sqlite_url, tmp_path, LIMITS_SCALE="0.02")) as site:
        answers = [await site.ask("POST", "/auth/login", headers={"X-Device-ID": "x"}, json=wrong) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [401, 429, 429]
        registry = site.application.registry
        for scope in ("auth", "http"):
            assert registry.get_sample_value("chatter_rate_limited_total", {"scope": scope}) == 1
