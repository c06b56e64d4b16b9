"""`chatter load`: a whole test against a real server, and one line for whatever stands in its way."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trustme
from click.testing import CliRunner, Result

from api.cli import main
from tests.api.process import COMMAND, ROOT, Server, environment, free_ports, run, serving

PASSWORD = "a long enough phrase"
USER = ("--user", "loadtest", "--password", PASSWORD)
FAST = ("--join-rate", "200", "--seconds", "1")


def load(url: str, *arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(main, ["load", "--url", url, *USER, *arguments], input=stdin)


def refusal(result: Result) -> str:
    """Return the one line of a failure, behind what was announced."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    line = result.stderr.splitlines()[-1]
    assert line.startswith("chatter: ")
    assert "Traceback" not in result.stderr
    return line


# --- against a real server ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with serving(folder, LIMITS_SCALE="1") as running:
        assert run(folder, "user", "create", "loadtest", "--password", PASSWORD).returncode == 0
        yield running


def rooms_of(server: Server) -> int:
    """Return how many rooms the account has."""
    device = {"X-Device-ID": "test"}
    with httpx2.Client(base_url=server.url, headers=device) as client:
        signed_in = client.post("/auth/login", json={"username": "loadtest", "password": PASSWORD}).raise_for_status()
        bearer = {"Authorization": f"Bearer {signed_in.json()['token']}"}
        return len(client.get("/rooms", headers=bearer).raise_for_status().json()["rooms"])


@pytest.mark.integration
def test_a_test_that_goes_well(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    result = load(
        server.url, *FAST, "--pairs", "4", "--rooms", "2", "--candidates", "5", "--chat", "1", "--json", str(path)
    )
    assert result.exit_code == 0, result.output
    assert f"{server.url}: 8 guests in 2 rooms" in result.stderr
    assert "members: 8 of 8 in" in result.stderr
    assert "deleted 2 of 2 rooms" in result.stderr
    assert result.stdout.startswith(f"{server.url}: all well")
    report: dict[str, Any] = json.loads(path.read_text("utf-8"))
    assert report["plan"]["members"] == 4
    assert report["joins"]["count"] == 8
    assert set(report["relayed"]) == {"offer", "answer", "candidate", "chat"}
    assert report["relayed"]["offer"]["count"] == report["relayed"]["answer"]["count"] >= 4
    assert report["relayed"]["chat"]["count"] % 4 == 0
    assert report["delivered"] == sum(kind["count"] for kind in report["relayed"].values())
    assert (report["lost"], report["unexpected"], report["errors"], report["closed"]) == (0, 0, {}, {})
    assert rooms_of(server) == 0


@pytest.mark.integration
def test_what_the_server_refuses_is_in_the_report(server: Server) -> None:
    result = load(server.url, *FAST, "--pairs", "1", "--candidates", "400")
    assert result.exit_code == 1, result.output
    assert "NOT ALL WELL" in result.stdout
    assert "rate_limited" in result.stdout
    assert "20 candidates" in result.stdout
    assert rooms_of(server) == 0


@pytest.mark.integration
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_order(server: Server, tmp_path: Path, number: signal.Signals) -> None:
    command = [*COMMAND, "load", "--url", server.url, *USER, "--pairs", "2", "--seconds", "600", "--join-rate", "100"]
    process = subprocess.Popen(
        command, env=environment(tmp_path), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if "delivered" in line:
                process.send_signal(number)
                break
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0, errors
    assert "all well, stopped early" in output
    assert "deleted 2 of 2 rooms" in errors
    assert rooms_of(server) == 0


@pytest.mark.integration
def test_wrong_credentials(server: Server) -> None:
    result = CliRunner().invoke(main, ["load", "--url", server.url, "--user", "nobody", "--password", "x" * 12])
    assert refusal(result) == "chatter: 127.0.0.1 does not let nobody in: wrong username or password"


@pytest.mark.integration
def test_a_report_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    result = load(server.url, *FAST, "--pairs", "1", "--json", str(tmp_path / "absent" / "report.json"))
    assert result.exit_code == 2
    assert "all well" in result.stdout
    assert result.stderr.splitlines()[-1].startswith("chatter: --json: cannot write")


# --- against something else -----------------------------------------------------------------------------------------

Reply = tuple[int, dict[str, str], bytes]
Answer = Callable[[str], Reply]


@contextmanager
def answering(answer: Answer, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Answer every request so; give the port."""

    class Handler(BaseHTTPRequestHandler):
        def handle_all(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, body = answer(f"{self.command} {self.path}")
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = handle_all  # noqa: N815 - the names that it looks for

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.handle_error = lambda *_: None  # type: ignore[method-assign]
        if context is not None:
            http.socket = context.wrap_socket(http.socket, server_side=True)
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield int(http.server_address[1])
        http.shutdown()
        thread.join()


def signed_in(rooms: Reply) -> Answer:
    """Let everyone sign in, and answer `POST /rooms` so."""
    return lambda request: (200, {}, b'{"token":"t"}') if "/auth/" in request else rooms


def test_nobody_listens() -> None:
    [port] = free_ports(1)
    line = refusal(load(f"http://127.0.0.1:{port}"))
    assert line == f"chatter: cannot reach 127.0.0.1:{port}: Connection refused"


def test_there_is_no_such_host() -> None:
    assert refusal(load("https://chatter.invalid", "--yes")) == "chatter: there is no host chatter.invalid"


@pytest.mark.parametrize(
    "url",
    ["call.example.org", "ftp://example.org", "https://", "https://u:p@example.org", "https://h:x", "https://h/r/x"],
)
def test_what_is_no_address_of_a_deployment(url: str) -> None:
    assert f"{url!r} is not the address of a deployment" in refusal(load(url, "--yes"))


def test_tls_that_does_not_hold_and_a_ca_that_makes_it(tmp_path: Path) -> None:
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    trusted = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(trusted))
    with answering(lambda _: (401, {}, b"{}"), context) as port:
        url = f"https://localhost:{port}"
        assert "the certificate of localhost is not trusted" in refusal(load(url))
        assert "wrong username or password" in refusal(load(url, "--ca-file", str(trusted)))
        assert "--ca-file: absent.pem holds no certificates" in refusal(load(url, "--ca-file", "absent.pem"))


def test_no_tls_at_all() -> None:
    with answering(lambda _: (200, {}, b"{}")) as port:
        assert "does not speak TLS as it should" in refusal(load(f"https://127.0.0.1:{port}"))


def test_too_many_requests() -> None:
    with answering(lambda _: (429, {"Retry-After": "90"}, b"{}")) as port:
        line = refusal(load(f"http://127.0.0.1:{port}"))
    assert "limits what comes from one address (429); wait 90 s, or raise LIMITS_SCALE" in line


def test_a_short_limit_is_waited_for() -> None:
    answers = iter([(429, {"Retry-After": "0"}, b"{}")] * 2 + [(401, {}, b"{}")])
    with answering(lambda _: next(answers)) as port:
        assert "wrong username or password" in refusal(load(f"http://127.0.0.1:{port}"))


def test_something_that_is_not_chatter() -> None:
    with answering(lambda _: (200, {}, b"<h1>It works!</h1>")) as port:
        assert "does not answer as Chatter does" in refusal(load(f"http://127.0.0.1:{port}"))
    with answering(lambda _: (404, {}, b"")) as port:
        assert "refused to sign in: 404 Not Found" in refusal(load(f"http://127.0.0.1:{port}"))


def test_the_reason_of_a_refusal_is_passed_on() -> None:
    refused: Reply = (409, {}, b'{"error":"You have 500 rooms.","code":"too_many_rooms"}')
    with answering(signed_in(refused)) as port:
        assert "refused to make a room: 409 You have 500 rooms." in refusal(load(f"http://127.0.0.1:{port}"))


def test_a_server_cannot_point_the_load_at_another_host() -> None:
    asked: list[str] = []

    def answer(request: str) -> Reply:
        asked.append(request)
        return signed_in((200, {}, b'{"roomId":"abc","wsUrl":"wss://victim.example/ws/abc"}'))(request)

    with answering(answer) as port:
        assert "sends its clients to another host, victim.example" in refusal(load(f"http://127.0.0.1:{port}"))
    assert "DELETE /api/rooms/abc" in asked


def test_a_gateway_elsewhere_has_to_be_named() -> None:
    elsewhere: Reply = (200, {}, b'{"roomId":"abc","wsUrl":"ws://chatter.invalid:1/ws/abc"}')
    with answering(signed_in(elsewhere)) as port:
        url = f"http://127.0.0.1:{port}"
        result = load(url, *FAST, "--pairs", "1", "--gateway-host", "chatter.invalid")
    assert result.exit_code == 1, result.output
    assert "not let in: 2 × " in result.stdout
    assert "deleted 1 of 1 rooms" in result.stderr


# --- before anything is sent ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("stdin", ["", "n\n", "\n"])
def test_another_machine_is_asked_about_first(stdin: str) -> None:
    result = load("https://chatter.invalid", "--pairs", "40", "--rooms", "10", stdin=stdin)
    assert "https://chatter.invalid: 80 guests in 10 rooms, 5 coming in per second" in result.stderr
    assert "nothing was sent to chatter.invalid" in refusal(result)


def test_yes_is_an_answer() -> None:
    assert "there is no host" in refusal(load("https://chatter.invalid", stdin="y\n"))


def test_a_plan_that_does_not_fit_together() -> None:
    assert "need 10 members in a room, not 4" in refusal(
        load("http://127.0.0.1:1", "--pairs", "5", "--rooms", "1", "--members", "4")
    )


def test_the_password_may_stand_in_the_environment_or_is_asked_for(tmp_path: Path) -> None:
    with answering(lambda _: (401, {}, b"{}")) as port:
        arguments = ["load", "--url", f"http://127.0.0.1:{port}", "--user", "a"]
        given = CliRunner().invoke(main, arguments, env={"LOAD_PASSWORD": PASSWORD})
        asked = CliRunner().invoke(main, arguments, input=f"{PASSWORD}\n")
    assert "wrong username or password" in given.stderr
    assert "wrong username or password" in asked.stderr
    assert PASSWORD not in given.output + asked.output


def test_url_and_user_are_required() -> None:
    for arguments in (["load", "--user", "a"], ["load", "--url", "https://chatter.invalid"]):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 2
        assert "Missing option" in result.stderr


def test_it_starts_without_what_only_the_server_needs() -> None:
    """A load generator is installed on machines that serve nothing; its imports must not cost a second."""
    code = "import sys, api.load.run; sys.exit(bool({'quart', 'sqlalchemy', 'aiortc'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60, check=False).returncode == 0
