"""A real server, a real browser with made-up devices, and the people who use them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, async_playwright, expect
from playwright.async_api import Error as PlaywrightError

from tests.e2e.person import Person

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = Path(__file__).parent / "screenshots"
# The pages behind the address bar: in each profile a process of their own that nobody sees.
_ADDRESS_BAR = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup")
# What Playwright switches off itself, for Chromium heeds only the last of such flags.
_OFF_ANYWAY = (
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "TcpPortRandomizationWin",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "AimEnabled",
    "PreconnectToSearch",
)
CHROMIUM_FLAGS = [
    f"--disable-features={','.join((*_ADDRESS_BAR, *_OFF_ANYWAY))}",
    "--no-sandbox",
    "--use-fake-device-for-media-stream=device-count=2,fps=10",  # a third of the frames is a third of the work
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--no-first-run",
]
IMPATIENT = "tests.e2e.impatient"
_START_TIMEOUT_S = 60
_FAILED = pytest.StashKey[bool]()
expect.set_options(timeout=15_000)  # several browsers that encode video share two cores in CI


class Server:
    """`chatter serve` as a process of its own, on free ports, with data of its own."""

    def __init__(
        self, variables: dict[str, str] | None = None, command: tuple[str, ...] = (), program: str = "api.cli"
    ) -> None:
        self.variables = variables or {}
        self._command = (*command, sys.executable, "-m", program, "serve")
        self.folder = Path(tempfile.mkdtemp(prefix="chatter-e2e-"))
        self.http_port, self.gateway_port = _free_ports(2)
        self.url = f"http://localhost:{self.http_port}"
        self.log = self.folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it is ready."""
        environment = {
            **os.environ,
            "SERVER_ADDR": f":{self.http_port}",
            "GATEWAY_ADDR": f":{self.gateway_port}",
            "CHATTER_DATA_DIR": str(self.folder / "data"),
            "AUTH_BCRYPT_COST": "4",
            "LIMITS_SCALE": "100",
            **self.variables,
        }
        begun = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while b"Chatter is ready" not in self.log.read_bytes()[begun:]:
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the server did not start:\n{self.log.read_text()}")
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; return the exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(timeout=20)

    def run(self, *arguments: str) -> str:
        """Run another `chatter` command beside it, on its data; return what that prints."""
        environment = {**os.environ, "CHATTER_DATA_DIR": str(self.folder / "data"), **self.variables}
        command = [sys.executable, "-m", "api.cli", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def close(self) -> None:
        """Stop for good and forget the data."""
        if self._process is not None and self._process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser; skips the test where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("Chromium not installed")
    return found


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One server for all tests; rooms keep them apart."""
    if not (ROOT / "web" / "dist" / "index.html").exists():
        pytest.fail("the web client is not built; run: scripts/test build e2e")
    running = Server()
    running.start()
    yield running
    running.close()


@pytest.fixture(scope="session")
def impatient_server() -> Iterator[Server]:
    """A server that gives members up sooner."""
    running = Server(program=IMPATIENT)
    running.start()
    yield running
    running.close()


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server of the test's own, to stop and start."""
    running = Server()
    running.start()
    yield running
    running.close()


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    """The driver of browsers."""
    async with async_playwright() as driver:
        yield driver


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser(playwright: Playwright, chromium: str) -> AsyncIterator[Browser]:
    """A browser whose user grants camera and microphone, both made up."""
    flags = [*CHROMIUM_FLAGS, "--use-fake-ui-for-media-stream"]
    launched = await playwright.chromium.launch(executable_path=chromium, args=flags)
    yield launched
    await launched.close()


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def refusing_browser(playwright: Playwright, chromium: str) -> AsyncIterator[Browser]:
    """A browser that refuses camera and microphone."""
    flags = [*CHROMIUM_FLAGS, "--deny-permission-prompts"]
    launched = await playwright.chromium.launch(executable_path=chromium, args=flags)
    yield launched
    await launched.close()


class People:
    """Makes people, each with a browser profile of their own, and checks afterwards that no page complained."""

    def __init__(self, server: Server, browser: Browser) -> None:
        self.server = server
        self._browser = browser
        self._made: list[Person] = []

    async def new(
        self,
        *,
        phone: bool = False,
        dark: bool = False,
        small_camera: bool = True,
        browser: Browser | None = None,
    ) -> Person:
        """Open a fresh browser profile."""
        person = await Person.open(
            browser or self._browser, self.server.url, phone=phone, dark=dark, small_camera=small_camera
        )
        self._made.append(person)
        return person

    async def describe(self) -> str:
        """Tell what everyone sees, what their consoles said, and which requests failed."""
        lines = []
        for person in self._made:
            with contextlib.suppress(PlaywrightError):
                lines.append(await person.looks())
            lines += [*person.complaints, *person.failed_requests[-10:]]
        return "\n".join(lines)

    async def close(self) -> None:
        """Close all profiles; fail on what their consoles said."""
        complaints = [complaint for person in self._made for complaint in person.complaints]
        for person in self._made:
            await person.context.close()
        assert complaints == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let the fixtures of a test know that it failed."""
    report = yield
    if report.when == "call" and report.failed:
        item.stash[_FAILED] = True
    return report


@pytest_asyncio.fixture(loop_scope="session")
async def people(server: Server, browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[People]:
    """The people of one test; where it fails, what they see is printed."""
    made = People(server, browser)
    yield made
    if request.node.stash.get(_FAILED, False):
        print(await made.describe())
    await made.close()


def _free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports
