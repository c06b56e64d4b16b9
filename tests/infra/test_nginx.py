"""The shipped proxy in front of a real Chatter: who gets what, which headers and limits, and what is never logged."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.exceptions import InvalidStatus

from tests.api.process import Server
from tests.infra.proxy import SHIPPED, Nginx, running_nginx, wait_until
from tests.infra.visits import next_frame, open_socket, say_and_hear, way_in

pytestmark = [pytest.mark.integration, pytest.mark.seed("S1-14")]

_HEADERS = (
    "Strict-Transport-Security",
    "Content-Security-Policy",
    "Permissions-Policy",
    "X-Content-Type-Options",
    "Referrer-Policy",
    "Cross-Origin-Opener-Policy",
)
_FILM = "/rooms/k3v9xq2mhdw/recordings/0198c2f0-0000-7000-8000-000000000000/film/film-key"
_PATHS = [
    "/",
    "/r/k3v9xq2mhdw",
    "/assets/known.js",
    "/assets/unknown.js",
    "/health",
    "/metrics",
    "/readyz",
    "/api/openapi.json",
    "/auth/sessions",
    "/api/auth/sessions",
    "/rooms",
    "/api/rooms",
    "/ws-tickets",
    "/ice-servers",
    "/ws/k3v9xq2mhdw",
    "/api/ws/k3v9xq2mhdw",
    "/.well-known/acme-challenge/none",
    _FILM,
]


@pytest.fixture(scope="module")
def client(nginx: Nginx) -> Iterator[httpx2.Client]:
    """A client of the proxy."""
    (nginx.assets / "known.js").write_text("// " + "x" * 4096)
    with nginx.client() as opened:
        yield opened


def _raw_get(nginx: Nginx, path: str) -> bytes:
    with (
        socket.create_connection(("127.0.0.1", nginx.https_port), timeout=10) as raw,
        _over_tls(raw, nginx) as wrapped,
    ):
        wrapped.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: wrapped.recv(65536), b""))


def _over_tls(raw: socket.socket, nginx: Nginx, *protocols: str) -> ssl.SSLSocket:
    context = ssl.create_default_context(cadata=nginx.authority_pem)
    if protocols:
        context.set_alpn_protocols(protocols)
    return context.wrap_socket(raw, server_hostname="localhost")


def _served_certificate(nginx: Nginx) -> str:
    return ssl.get_server_certificate(("127.0.0.1", nginx.https_port), timeout=10)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.startswith("{")]


# --- the files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("file", "at_least"), [("prod.conf", 10), ("init.conf", 2), ("acme.conf", 1)])
def test_every_location_sends_the_security_headers(file: str, at_least: int) -> None:
    text = (SHIPPED / file).read_text("utf-8")
    locations = re.findall(r"(?:^|\n)( *)location ([^{]+)\{(.*?)\n\1\}", text, re.DOTALL)
    assert len(locations) >= at_least
    assert [name.strip() for _, name, body in locations if "include headers.conf;" not in body] == []


def test_nginx_accepts_the_configuration(nginx: Nginx) -> None:
    judged = nginx.check()
    assert judged.returncode == 0, judged.stderr
    assert "warn" not in judged.stderr


def test_nginx_accepts_the_first_configuration(nginx: Nginx) -> None:
    nginx.configuration, before = nginx.configuration.with_name("init.conf"), nginx.configuration
    try:
        judged = nginx.check()
    finally:
        nginx.configuration = before
    assert judged.returncode == 0, judged.stderr


# --- headers and TLS ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", _PATHS)
def test_each_header_stands_once_in_every_answer(client: httpx2.Client, path: str) -> None:
    answer = client.get(path)
    counts = {name: len(answer.headers.get_list(name)) for name in _HEADERS}
    assert counts == dict.fromkeys(_HEADERS, 1), f"{path}: {answer.status_code} {counts}"


def test_plain_http_leads_to_https(nginx: Nginx) -> None:
    answer = httpx2.get(f"http://127.0.0.1:{nginx.http_port}/r/x?a=b", trust_env=False)
    assert answer.status_code == 301
    assert answer.headers["Location"] == "https://127.0.0.1/r/x?a=b"
    assert "Strict-Transport-Security" not in answer.headers  # RFC 6797 §7.2: not over http


@pytest.mark.seed("S1-15")
def test_the_challenge_is_answered_on_port_80(nginx: Nginx) -> None:
    folder = nginx.webroot / ".well-known" / "acme-challenge"
    folder.mkdir(parents=True)
    (folder / "key").write_text("the answer")
    answer = httpx2.get(f"http://127.0.0.1:{nginx.http_port}/.well-known/acme-challenge/key", trust_env=False)
    assert (answer.status_code, answer.text) == (200, "the answer")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_what_nginx_says_by_itself_allows_nothing(client: httpx2.Client) -> None:
    answer = client.get("/metrics")
    assert answer.status_code == 404
    devices = "camera=(self), microphone=(self), display-capture=(self), autoplay=(self), fullscreen=(self)"
    assert {name: answer.headers[name] for name in _HEADERS} == {
        "Strict-Transport-Security": "max-age=63072000",
        "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "Permissions-Policy": f"{devices}, speaker-selection=(self), geolocation=(), payment=(), usb=()",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def test_http2_is_offered(nginx: Nginx) -> None:
    with (
        socket.create_connection(("127.0.0.1", nginx.https_port), timeout=10) as raw,
        _over_tls(raw, nginx, "h2", "http/1.1") as wrapped,
    ):
        assert wrapped.selected_alpn_protocol() == "h2"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_old_tls_is_not_offered(nginx: Nginx) -> None:
    with pytest.raises(ssl.SSLError) as refused:
        _shake_hands(nginx, "ALL:@SECLEVEL=0", ssl.TLSVersion.TLSv1_1)
    assert refused.value.reason == "TLSV1_ALERT_PROTOCOL_VERSION"  # it was nginx that refused


def test_the_ciphers_of_tls_1_2_are_those_of_mozillas_intermediate_profile(nginx: Nginx) -> None:
    known = ssl.create_default_context()
    known.set_ciphers("ALL:@SECLEVEL=0")
    names = [cipher["name"] for cipher in known.get_ciphers() if cipher["protocol"] != "TLSv1.3"]
    assert len(names) > 30
    accepted = {name for name in names if _is_accepted(nginx, name)}
    kinds = ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    profile = {f"ECDHE-{key}-{kind}" for key in ("ECDSA", "RSA") for kind in kinds}
    assert len(accepted) == len(kinds)  # the other three want the other kind of certificate
    assert accepted <= profile


def _is_accepted(nginx: Nginx, cipher: str) -> bool:
    try:
        _shake_hands(nginx, f"{cipher}:@SECLEVEL=0", ssl.TLSVersion.TLSv1_2)
    except ssl.SSLError:
        return False
    return True


def _shake_hands(nginx: Nginx, ciphers: str, version: ssl.TLSVersion) -> None:
    client = ssl.create_default_context()
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.set_ciphers(ciphers)
    client.minimum_version = client.maximum_version = version
    with socket.create_connection(("127.0.0.1", nginx.https_port), timeout=10) as raw:
        client.wrap_socket(raw, server_hostname="localhost").close()


# --- routes ---------------------------------------------------------------------------------------------------------


@pytest.mark.seed("S1-72")
def test_the_api_answers_bare_and_under_its_prefix(client: httpx2.Client) -> None:
    for path in ("/rooms", "/api/rooms", "/auth/sessions", "/api/auth/sessions"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), path
    assert client.get("/health").json() == {"status": "ok"}


@pytest.mark.parametrize(
    "path",
    ["/metrics", "/api/metrics", "/readyz", "/api/readyz", "//metrics", "/%6detrics", "/x/../metrics", "/metrics/"],
)
def test_what_is_for_operators_is_closed(nginx: Nginx, path: str) -> None:
    answer = _raw_get(nginx, path)
    assert answer.startswith(b"HTTP/1.1 404 "), answer[:200]
    assert b"python_info" not in answer
    assert b'"checks"' not in answer


def test_hashed_files_come_from_nginx_and_are_kept(client: httpx2.Client) -> None:
    answer = client.get("/assets/known.js", headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Encoding"] == "gzip"
    missing = client.get("/assets/unknown.js")
    assert (missing.status_code, missing.headers["Cache-Control"]) == (404, "no-store")


def test_a_large_body_is_refused_before_it_is_read(client: httpx2.Client) -> None:
    answer = client.post("/auth/login", content=b"x" * 100_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("prefix", ["", "/api"])
async def test_a_socket_goes_through(client: httpx2.Client, nginx: Nginx, prefix: str) -> None:
    target = way_in(client, f"alice{len(prefix)}")
    async with open_socket(nginx, prefix + target) as opened:
        assert (await next_frame(opened))["type"] == "welcome"
        await say_and_hear(opened, "through the proxy")


async def test_a_reload_takes_a_new_certificate_and_leaves_open_sockets_alone(
    chatter: Server, nginx_program: str, tmp_path: Path
) -> None:
    with running_nginx(tmp_path / "nginx", nginx_program, (chatter.http_port, chatter.gateway_port)) as nginx:
        with nginx.client() as client:
            target = way_in(client, "reloader")
        async with open_socket(nginx, target) as opened:
            assert (await next_frame(opened))["type"] == "welcome"
            before = _served_certificate(nginx)
            nginx.issue_certificate()
            nginx.signal(signal.SIGHUP)
            wait_until(lambda: _served_certificate(nginx) != before)
            await say_and_hear(opened, "still here")


# --- addresses, limits, logs ----------------------------------------------------------------------------------------


def test_a_made_up_address_is_not_believed(nginx: Nginx, chatter: Server) -> None:
    spoofed = {"X-Forwarded-For": "6.6.6.6, 7.7.7.7", "X-Real-IP": "6.6.6.6", "Forwarded": "for=6.6.6.6"}
    with nginx.client() as client:
        assert client.get("/rooms", headers=spoofed).status_code == 401
        request_id = client.get("/rooms", headers=spoofed).headers["X-Request-ID"]
    wait_until(lambda: request_id in chatter.log.read_text("utf-8"))  # written after the answer
    log = chatter.log.read_text("utf-8")
    assert "127.0.0.1" in next(line for line in log.splitlines() if request_id in line)
    assert "6.6.6.6" not in log
    assert "6.6.6.6" not in nginx.access_log.read_text("utf-8")


@pytest.mark.parametrize("path", ["/auth/sessions", "/api/rooms", "/ws/k3v9xq2mhdw", "/"])
def test_too_many_requests_are_answered_429(chatter: Server, nginx_program: str, tmp_path: Path, path: str) -> None:
    slow = {"rate=50r/s": "rate=1r/s", "rate=20r/s": "rate=1r/s", "rate=5r/s": "rate=1r/s"}
    with (
        running_nginx(tmp_path / "nginx", nginx_program, (chatter.http_port, chatter.gateway_port), **slow) as nginx,
        nginx.client() as client,
    ):
        answers = (client.get(path) for _ in range(1000))
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.json()["code"] == "rate_limited"
        assert refused.headers["Retry-After"] == "2"
        assert all(len(refused.headers.get_list(name)) == 1 for name in _HEADERS)


async def test_one_address_has_only_so_many_sockets(chatter: Server, nginx_program: str, tmp_path: Path) -> None:
    few = {"limit_conn sockets 100;": "limit_conn sockets 2;"}
    ports = (chatter.http_port, chatter.gateway_port)
    with running_nginx(tmp_path / "nginx", nginx_program, ports, **few) as nginx:
        target = "/ws/k3v9xq2mhdw?v=2"
        async with open_socket(nginx, target), open_socket(nginx, target):
            with pytest.raises(InvalidStatus) as refused:
                await open_socket(nginx, target)
        assert refused.value.response.status_code == 429


def test_no_secret_reaches_a_log_even_when_the_server_is_down(nginx_program: str, tmp_path: Path) -> None:
    canary = "canary-0123456789"
    headers = {
        "Authorization": f"Bearer {canary}",
        "Cookie": f"refresh_token={canary}",
        "Referer": f"https://localhost/r/x?invite={canary}",
        "User-Agent": "test",
    }
    slow = {"rate=5r/s": "rate=1r/s"}
    with running_nginx(tmp_path / "nginx", nginx_program, (0, 0), **slow) as nginx, nginx.client() as client:
        paths = [
            f"/ws/secret-room?token={canary}",
            f"/api/ws/secret-room?ticket={canary}",
            f"/r/secret-room?invite={canary}",
            f"/rooms/secret-room/members?x={canary}",
            f"/auth/login?password={canary}",
            _FILM.replace("film-key", canary).replace("k3v9xq2mhdw", "secret-room"),
            f"/api{_FILM.replace('film-key', canary).replace('k3v9xq2mhdw', 'secret-room')}",
        ]
        for path in paths:
            answer = client.get(path, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), path
        refused = (client.get(paths[0], headers=headers) for _ in range(1000))
        assert next(answer for answer in refused if answer.status_code == 429)
        wait_until(lambda: any(line["status"] == "429" for line in _lines(nginx.access_log)))
        access, errors = nginx.access_log.read_text("utf-8"), nginx.error_log.read_text("utf-8")
    assert {line["path"] for line in _lines(nginx.access_log)} >= {"/ws/*", "/api/ws/*", "/r/*", "/rooms/*/members"}
    for log in (access, errors):
        assert canary not in log
        assert "secret-room" not in log


def test_a_film_is_not_kept_on_the_proxys_disk() -> None:
    text = (SHIPPED / "prod.conf").read_text("utf-8")
    assert "proxy_cache" not in text
    assert "proxy_max_temp_file_size 0;" in (SHIPPED / "proxy.conf").read_text("utf-8")


def test_the_runner_passes_a_new_certificate_on(tmp_path: Path) -> None:
    """`serve-with-certificate` sends the signal when the certificate changed, and ends when told, with the server."""
    tls = tmp_path / "current"
    tls.mkdir()
    (tls / "fullchain.pem").write_text("one")
    heard = tmp_path / "heard"
    server = f"trap 'echo hup >> {heard}' HUP; trap 'exit 7' TERM; echo ready > {heard}; while :; do sleep 0.05; done"
    process = subprocess.Popen(
        [SHIPPED.parent / "tls" / "serve-with-certificate", "HUP", "sh", "-c", server],
        env={"PATH": "/usr/bin:/bin", "TLS_DIR": str(tmp_path), "WATCH_EVERY_S": "0.1"},
        # A shell cannot trap what was ignored when it began, as under `nohup`.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
        process_group=0,
    )
    try:
        wait_until(lambda: heard.exists() and "ready" in heard.read_text())
        (tls / "fullchain.pem").write_text("two")
        wait_until(lambda: "hup" in heard.read_text())
        process.terminate()
        assert process.wait(20) == 7
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
