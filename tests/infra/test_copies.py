"""Copies elsewhere as docs/operations.md says: its commands as they stand there, between folders of this machine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.infra.conftest import program
from tests.infra.page import copying_commands
from tests.infra.postgres import ROOT

pytestmark = pytest.mark.integration

_OWNERS = {"chatter_backups": 999, "chatter_data": 10001, "chatter_data-2": 10001, "chatter_letsencrypt": 0}
_DOCKER = r"""#!/bin/sh
case "$*" in
    "volume inspect --format {{.Mountpoint}} "*) echo "$FAKE/volumes/$5" ;;
    *) echo "$*" >>"$FAKE/log" ;;
esac
"""


class Machine:
    """A machine with a checkout and volumes; `elsewhere` is the folder that stands for the other machine."""

    def __init__(self, folder: Path, elsewhere: Path) -> None:
        self.folder = folder
        self._elsewhere = elsewhere
        self.checkout = folder / "checkout"
        for made in (self.checkout, folder / "bin", *map(self.volume, _OWNERS)):
            made.mkdir(parents=True)
        docker = folder / "bin" / "docker"
        docker.write_text(_DOCKER)
        docker.chmod(0o755)

    def volume(self, name: str) -> Path:
        """Return where a volume lies."""
        return self.folder / "volumes" / name

    def follow(self, *blocks: int) -> None:
        """Run blocks of commands of the page, one after the other in one shell."""
        commands = copying_commands(self.checkout, self._elsewhere / "chatter", *blocks)
        environment = {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "FAKE": str(self.folder)}
        subprocess.run(["sh", "-eu", "-c", commands], cwd=self.checkout, env=environment, check=True, timeout=60)


def _tree(folder: Path) -> dict[str, tuple[int, str]]:
    """Return the mode and content of all below, and where links lead."""
    found = {}
    for path in folder.rglob("*"):
        content = str(path.readlink()) if path.is_symlink() else "" if path.is_dir() else path.read_text()
        found[str(path.relative_to(folder))] = (path.lstat().st_mode, content)
    return found


@pytest.fixture
def old(tmp_path: Path) -> Machine:
    """A machine in operation."""
    program("rsync", "rsync")
    (tmp_path / "elsewhere").mkdir()
    made = Machine(tmp_path / "old", tmp_path / "elsewhere")
    (made.checkout / "secrets").mkdir(mode=0o700)
    (made.checkout / "secrets" / "auth_pepper").write_text("pepper")
    (made.checkout / "secrets" / "auth_pepper").chmod(0o444)
    (made.checkout / ".env").write_text("DOMAIN=call.example.org\n")
    for name in _OWNERS:
        (made.volume(name) / "a folder").mkdir(mode=0o750)
        (made.volume(name) / "a folder" / "Größe").write_text(name)
        (made.volume(name) / "link").symlink_to("a folder/Größe")
    return made


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to users of the containers: needs root")
def test_what_was_copied_away_comes_to_a_new_machine(old: Machine, tmp_path: Path) -> None:
    old.follow(0)
    new = Machine(tmp_path / "new", tmp_path / "elsewhere")
    (new.volume("chatter_data") / "of the first start").touch()
    new.follow(1, 2)
    assert _tree(new.checkout) == _tree(old.checkout)
    for name, owner in _OWNERS.items():
        brought = _tree(new.volume(name))
        brought.pop("of the first start", None)
        assert brought == _tree(old.volume(name))
        for path in (new.volume(name) / "a folder", new.volume(name) / "link"):
            assert (path.lstat().st_uid, path.lstat().st_gid) == (owner, owner)
    assert (new.folder / "log").read_text().splitlines() == ["compose stop app-1 app-2 certbot"]


def test_what_is_lost_here_is_kept_there(old: Machine, tmp_path: Path) -> None:
    old.follow(0)
    (old.volume("chatter_data") / "a folder" / "Größe").unlink()
    (old.volume("chatter_data") / "later").touch()
    old.follow(0)
    copied = tmp_path / "elsewhere" / "chatter" / "chatter_data"
    assert (copied / "a folder" / "Größe").read_text() == "chatter_data"
    assert (copied / "later").exists()


def test_the_volumes_are_those_of_the_stack() -> None:
    stack = (ROOT / "docker-compose.prod.yaml").read_text("utf-8")
    assert "\nname: chatter\n" in stack
    assert all(f"\n  {name.removeprefix('chatter_')}: {{}}\n" in stack for name in _OWNERS)
