"""The secret that tokens are signed with."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from api.settings.checks import MIN_SECRET_BYTES, SettingsError, refuse_weak
from api.settings.tree import SettingsTree


def auth_secret(tree: SettingsTree, data_dir: Path, *, create: bool) -> str:
    """Return the secret that was given; in development one is made and kept in the data folder, if `create` is set."""
    secret = tree.auth.secret
    if tree.server.env == "production":
        if not secret:
            raise SettingsError("AUTH_SECRET is missing; make one with: openssl rand -base64 48")
        refuse_weak("AUTH_SECRET", secret)
    if secret:
        if len(secret.encode()) < MIN_SECRET_BYTES:
            raise SettingsError(f"AUTH_SECRET must have at least {MIN_SECRET_BYTES} bytes")
        return secret
    path = data_dir / "auth_secret"
    try:
        if not path.exists():
            made = secrets.token_urlsafe(48)
            if not create:
                return made
            _keep(path, made)
        return _kept(path)
    except OSError as error:
        raise SettingsError(f"CHATTER_DATA_DIR: {path} cannot be used: {error.strerror}") from None


def _keep(path: Path, secret: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secret)
        # Appears whole or not at all: of two processes that start at once, one keeps its own, the other reads it.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _kept(path: Path) -> str:
    secret = path.read_text("utf-8", "replace").strip()
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise SettingsError(f"{path} is damaged; delete it, and a new one is made (everybody has to sign in again)")
    return secret
