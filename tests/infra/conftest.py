"""Programs of Debian that these tests need; a test without its program is skipped, and CI allows no skip."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.api.process import Server, serving
from tests.infra.proxy import Nginx, running_nginx

SECRET = "an-auth-secret-of-the-tests-0123456789"


def program(name: str, package: str) -> str:
    """Return the path of a program; skips the test where there is none."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"{name} not installed (Debian package {package})")
    return found


@pytest.fixture(scope="session")
def nginx_program() -> str:
    """The path of nginx."""
    return program("nginx", "nginx")


@pytest.fixture(scope="module")
def chatter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Chatter as in production, but for its embedded database."""
    with serving(
        tmp_path_factory.mktemp("chatter"),
        ENV="production",
        BASE_URL="https://localhost",
        AUTH_SECRET=SECRET,
        AUTH_BCRYPT_COST="10",
        TRUSTED_HOPS="1",
    ) as server:
        yield server


@pytest.fixture(scope="module")
def nginx(chatter: Server, nginx_program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """The proxy in front of Chatter, with room for everyone."""
    roomy = {"burst=20 nodelay": "burst=9999 nodelay", "burst=40 nodelay": "burst=9999 nodelay"}
    folder = tmp_path_factory.mktemp("nginx")
    with running_nginx(folder, nginx_program, (chatter.http_port, chatter.gateway_port), **roomy) as running:
        yield running
