"""The OpenAPI document: what quart-schema finds, with errors and security described for every operation."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from quart_schema import Info, OpenAPIProvider, QuartSchema
from quart_schema.documentation import document_response
from werkzeug.routing.rules import Rule

from api.http.errors import Problem
from api.http.security import ACCESS

T = TypeVar("T", bound=Callable[..., object])

_BEARER = "bearer"
_FILE = "__chatter_file__"
_MEANINGS = {
    400: "The body is not JSON.",
    401: "No valid credentials.",
    403: "Not allowed.",
    404: "There is no such thing, or it is not open to you.",
    409: "It exists already.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    416: "The file has no such part.",
    422: "A field is missing or breaks a rule; `error` names it.",
    429: "Too many requests; see Retry-After.",
    500: "A fault of the server.",
    503: "A part of the server cannot be reached; see Retry-After.",
    507: "There is no more space.",
}


def problems(*statuses: int) -> Callable[[T], T]:
    """Document which errors a view answers with, beyond those that every view may."""

    def mark(view: T) -> T:
        for status in statuses:
            view = document_response(Problem, status)(view)
        return view

    return mark


def file_answer(kind: str) -> Callable[[T], T]:
    """Document that a view answers with a file of this media type, whole or in part."""

    def mark(view: T) -> T:
        setattr(view, _FILE, kind)
        return view

    return mark


def openapi(version: str) -> QuartSchema:
    """Return the extension that serves `/api/openapi.json`."""
    return QuartSchema(
        openapi_path="/api/openapi.json",
        redoc_ui_path=None,
        scalar_ui_path=None,
        swagger_ui_path=None,  # its page loads scripts from elsewhere; /api/docs is ours
        info=Info(
            title="Chatter", version=version, description="Video calls: accounts, rooms and tickets for sockets."
        ),
        servers=[{"url": "/"}, {"url": "/api"}],
        security_schemes={_BEARER: {"type": "http", "scheme": "bearer", "bearer_format": "JWT"}},
        conversion_preference="msgspec",
        openapi_provider_class=_Provider,
    )


class _Provider(OpenAPIProvider):
    def operation_id(self, method: str, path: str, func: Callable[..., Any]) -> str | None:
        return func.__name__

    def build_response_object(
        self, model: type[Any], headers_model: type[Any] | None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        # quart-schema keeps the first struct only: of a list the element, of a struct in a struct a dangling reference.
        response, definitions = super().build_response_object(model, headers_model)
        (schema,), components = msgspec.json.schema_components([model], ref_template="#/components/schemas/{name}")
        response["content"]["application/json"]["schema"] = schema
        if get_origin(model) is list:
            response["description"] = f"A list. {inspect.getdoc(get_args(model)[0])}"
        return response, {**definitions, **components}

    def build_paths(self, rule: Rule) -> tuple[dict[str, Any], dict[str, Any]]:
        paths, components = super().build_paths(rule)
        view: Any = self._app.view_functions[rule.endpoint]
        signed_in = getattr(view, ACCESS, "") == "authenticated"
        for path in paths.values():
            for operation in path.values():
                answers = operation["responses"]
                if signed_in:
                    operation["security"] = [{_BEARER: []}]
                if kind := getattr(view, _FILE, None):
                    file = {"content": {kind: {"schema": {"type": "string", "format": "binary"}}}}
                    answers[200] = {"description": "The whole file.", **file}
                    answers[206] = {"description": "The part that was asked for.", **file}
                has_body = "requestBody" in operation
                for status in (*((400, 413, 415) if has_body else ()), *((401,) if signed_in else ()), 429, 500, 503):
                    answers.setdefault(status, _problem_answer())
                for status, answer in answers.items():
                    if status in _MEANINGS:
                        answer["description"] = _MEANINGS[status]
                    if status == 204:
                        answer.pop("content", None)
        components["Problem"] = _PROBLEM_SCHEMA
        return paths, components


_PROBLEM_SCHEMA = {
    "title": "Problem",
    "type": "object",
    "properties": {
        "error": {"type": "string", "description": "For people."},
        "code": {"type": "string", "description": "Stable, for programs."},
        "request_id": {"type": "string", "description": "Names this request in the server's logs."},
    },
    "required": ["error", "code", "request_id"],
}


def _problem_answer() -> dict[str, Any]:
    return {
        "description": "",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
