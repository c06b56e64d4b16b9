"""Request bodies beyond what quart-schema does."""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

import msgspec
from quart import Request, request
from quart_schema import RequestSchemaValidationError
from werkzeug.exceptions import UnsupportedMediaType

from api.http.errors import BadJson

T = TypeVar("T")


class Empty(msgspec.Struct):
    """Nothing."""


class JsonRequest(Request):
    """A request whose unreadable body is told apart from a body of another type."""

    def on_json_loading_failed(self, error: Exception | None) -> NoReturn:
        """Raise `BadJson`, or `UnsupportedMediaType` where the body does not claim to be JSON."""
        if error is None:
            raise UnsupportedMediaType
        raise BadJson


async def optional_body(kind: type[T]) -> T:
    """Read a JSON body of this type; no body at all counts as an empty object."""
    empty = not await request.get_data()
    data: Any = {} if empty else await request.get_json()
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise RequestSchemaValidationError(error) from None
