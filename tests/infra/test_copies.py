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

    def let_rsync_end(self, code: int, volume: str) -> None:
        """Let the copy of a volume end with this code, when all is copied."""
        rsync = self.folder / "bin" / "rsync"
        real = program("rsync", "rsync")
        rsync.write_text(f'#!/bin/sh\n{real} "$@"\ncase "$*" in *"/{volume}/") exit {code} ;; esac\n')
        rsync.chmod(0o755)

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
    (made.checkout / "local").mkdir()
    (made.checkout / "local" / "limits.conf").write_text("limits of the operator's own")
    (made.checkout / "docker-compose.local.yaml").write_text("services: {}\n")
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
    assert (new.folder / "log").read_text().splitlines() == [
        "compose stop app-1 app-2 certbot backup",
        "compose start backup",
    ]


@pytest.mark.parametrize("own", ["local", "docker-compose.local.yaml"])
def test_who_has_no_files_of_their_own_copies_the_rest(old: Machine, tmp_path: Path, own: str) -> None:
    (old.checkout / own).rename(tmp_path / own)
    old.follow(0)
    new = Machine(tmp_path / "new", tmp_path / "elsewhere")
    new.follow(1)
    assert _tree(new.checkout) == _tree(old.checkout)
    assert (tmp_path / "elsewhere" / "chatter" / "chatter_letsencrypt" / "link").is_symlink()


def test_a_file_that_went_away_meanwhile_keeps_no_other_from_being_copied(old: Machine, tmp_path: Path) -> None:
    old.let_rsync_end(24, "chatter_backups")
    old.follow(0)
    assert {path.name for path in (tmp_path / "elsewhere" / "chatter").iterdir()} >= _OWNERS.keys()


def test_a_copy_that_fails_says_so(old: Machine) -> None:
    old.let_rsync_end(23, "chatter_backups")
    with pytest.raises(subprocess.CalledProcessError):
        old.follow(0)


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
