"""Request bodies and queries beyond what quart-schema does."""

from __future__ import annotations

import json
from typing import Any, TypeVar, cast

import msgspec
from quart import Request, request
from quart_schema import RequestSchemaValidationError
from werkzeug.exceptions import UnsupportedMediaType

from api.http.errors import BadJson, InvalidField

T = TypeVar("T")


class Empty(msgspec.Struct):
    """Nothing."""


class JsonRequest(Request):
    """A request whose unreadable body is told apart from a body of another type."""

    async def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Read the body as strict JSON. Raises `UnsupportedMediaType` where it does not claim to be, `BadJson`.

        Quart would take another type for `null`, and bytes that are not UTF-8 for U+FFFD.
        """
        if not (force or self.is_json):
            raise UnsupportedMediaType
        try:
            return json.loads(cast("bytes", await self.get_data()).decode())
        except ValueError:
            raise BadJson from None


async def json_body(kind: type[T]) -> T:
    """Read a JSON body of this type. Unlike quart-schema it takes no text for a number, nor a number for a truth."""
    try:
        return msgspec.convert(await request.get_json(), kind)
    except msgspec.ValidationError as error:
        raise RequestSchemaValidationError(error) from None


async def optional_body(kind: type[T]) -> T:
    """Read a JSON body of this type; no body at all counts as an empty object."""
    return await json_body(kind) if await request.get_data() else msgspec.convert({}, kind)


def page_limit(default: int, most: int) -> int:
    """Return how many entries of a list are asked for with `limit`. Raises `InvalidField` beyond 1 to `most`."""
    text = request.args.get("limit", str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= most):
        raise InvalidField("limit", f"1 to {most}")
    return int(text)
