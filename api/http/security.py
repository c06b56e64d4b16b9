"""Who calls: every view is either `authenticated` or `public` with a reason; a test walks all routes for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from quart import current_app, g, request

from auth.errors import Unauthenticated
from observability.request import request_info

if TYPE_CHECKING:
    from api.application import Application
    from auth.principal import Principal

P = ParamSpec("P")
T = TypeVar("T")
View = Callable[P, Awaitable[T]]

ACCESS = "__chatter_access__"
"""Attribute of a view: `authenticated`, or the reason why it is public."""


def application() -> Application:
    """Return the application that the current request is served by."""
    return cast("Application", current_app.extensions["chatter"])


def client_address() -> str:
    """Return the address of the client, as the outermost trusted proxy saw it."""
    return request_info(request.scope).address  # type: ignore[arg-type]


def bearer_token() -> str | None:
    """Return the bearer token of the current request (RFC 6750 §2.1), None where there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


async def require_principal() -> Principal:
    """Return who stands behind the bearer token of the current request. Raises `AuthError`."""
    token = bearer_token()
    if not token:
        raise Unauthenticated
    principal = await application().auth.authenticate(token)
    info = request_info(request.scope)  # type: ignore[arg-type]
    info.user_id, info.username = principal.user_id, principal.username
    return principal


async def optional_principal() -> Principal | None:
    """Return who stands behind the bearer token, None where there is none. Raises `AuthError` for a bad one."""
    return await require_principal() if "Authorization" in request.headers else None


def authenticated(view: View[P, T]) -> View[P, T]:
    """Let only signed-in people in; the view finds them in `g.principal`."""

    @wraps(view)
    async def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        g.principal = await require_principal()
        return await view(*args, **kwargs)

    setattr(checked, ACCESS, "authenticated")
    return checked


def public(reason: str) -> Callable[[View[P, T]], View[P, T]]:
    """Mark a view as open to everyone, saying why."""

    def mark(view: View[P, T]) -> View[P, T]:
        setattr(view, ACCESS, f"public: {reason}")
        return view

    return mark
