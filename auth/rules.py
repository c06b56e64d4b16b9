"""Rules for names: usernames, e-mail addresses, device ids."""

from __future__ import annotations

import re

from auth.errors import BadDeviceId, InvalidInput, MissingDeviceId

USERNAME_PATTERN = r"[A-Za-z0-9_.-]{3,32}"
DEVICE_ID_PATTERN = r"[A-Za-z0-9._:-]{1,128}"

_USERNAME = re.compile(USERNAME_PATTERN)
_DEVICE_ID = re.compile(DEVICE_ID_PATTERN)
_EMAIL = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_EMAIL_LENGTH = 254
_USER_AGENT_LENGTH = 256


def check_username(username: str) -> str:
    """Return `username` if it may name an account. Raises `InvalidInput`."""
    if not _USERNAME.fullmatch(username):
        raise InvalidInput("username", "username: 3 to 32 characters of a-z A-Z 0-9 _ . and -.")
    return username


def username_key(username: str) -> str:
    """Return what usernames are compared by. They are ASCII, so folding the case is all it takes."""
    return username.casefold()


def check_email(email: str) -> str:
    """Return the address as it is stored and compared: in lower case. Raises `InvalidInput`."""
    if not _is_email(email):
        raise InvalidInput("email", "email: not an e-mail address.")
    return email.lower()


def login_key(login: str) -> str | None:
    """Return the key under which a login name is looked up, or None if no account can have it.

    Usernames hold no `@`, so the key of a username is never that of an address.
    """
    if _USERNAME.fullmatch(login) or _is_email(login):
        return login.casefold()
    return None


def check_device_id(device_id: str | None) -> str:
    """Return `device_id` if it has the right shape. Raises `MissingDeviceId`, `BadDeviceId`."""
    if not device_id:
        raise MissingDeviceId
    if not _DEVICE_ID.fullmatch(device_id):
        raise BadDeviceId
    return device_id


def tidy_user_agent(user_agent: str) -> str:
    """Return the part of a User-Agent header worth keeping: printable and not too long."""
    return "".join(character for character in user_agent if character.isprintable())[:_USER_AGENT_LENGTH]


def _is_email(text: str) -> bool:
    return len(text) <= _EMAIL_LENGTH and _EMAIL.fullmatch(text) is not None
