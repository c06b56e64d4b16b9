"""The images, and the production stack on a machine of its own: made once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.infra.authority import Authority
from tests.infra.containers import Containers
from tests.infra.proxy import wait_until
from tests.infra.stack.images import build_images
from tests.infra.stack.installation import DOMAIN, Installation
from tests.infra.stack.machine import Machine
from tests.infra.stack.visitor import Visitor


@pytest.fixture(scope="package")
def machine() -> Iterator[Machine]:
    """The machine that all containers run on."""
    with closing(Machine()) as made:
        yield made


@pytest.fixture(scope="package")
def containers(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    """The images; containers find the machine by its name."""
    hosts = f"{machine.address} {DOMAIN}\n"
    with closing(Containers(tmp_path_factory.mktemp("containers"), machine, hosts)) as made:
        build_images(made)
        yield made


@pytest.fixture(scope="package")
def authority(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    """The authority that everyone trusts."""
    folder = tmp_path_factory.mktemp("authority") / "pebble"
    with closing(Authority(folder, 80, challenge_host=machine.address, host=machine.gateway)) as made:
        made.start()
        yield made


@pytest.fixture(scope="package")
def fresh(containers: Containers, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The stack after its first start; no certificate was asked for yet."""
    made = Installation(containers, tmp_path_factory.mktemp("installation"), authority)
    made.install()
    made.start()
    return made


@pytest.fixture(scope="package")
def stack(fresh: Installation, visitor: Visitor) -> Installation:
    """The stack with its certificate."""
    if not visitor.is_let_in():
        assert fresh.obtain_certificate().returncode == 0
        wait_until(visitor.is_let_in, 120.0)  # nginx looks for another certificate once a minute
    return fresh


@pytest.fixture(scope="package")
def visitor(machine: Machine, authority: Authority) -> Visitor:
    """Someone who trusts only the authority."""
    return Visitor(machine.address, authority.root())
