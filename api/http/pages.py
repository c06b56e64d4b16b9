"""The web client and the API's documentation page, from `web/dist`."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from quart import Blueprint, Response, request, send_from_directory
from quart_schema import hide
from werkzeug.exceptions import NotFound

from api.http.errors import NotBuilt
from api.http.security import application, public

if TYPE_CHECKING:
    from api.settings import Settings

DIST = Path(__file__).resolve().parent.parent.parent / "web" / "dist"
_DOCS = "api-docs"
_CLIENT_PAGES = ("r/", "signin", "signup", "settings")
"""The client's own routes, which it gets whatever it accepts: programs that preview links accept anything."""
_KEEP = "public, max-age=31536000, immutable"
_PERMISSIONS = (
    "camera=(self), microphone=(self), display-capture=(self), autoplay=(self), fullscreen=(self), "
    "speaker-selection=(self), geolocation=(), payment=(), usb=()"
)
mimetypes.add_type("application/manifest+json", ".webmanifest")


def create_pages_blueprint(dist: Path = DIST) -> Blueprint:
    """Return the routes for browsers. Every path that is no file is the web client's, which has its own router."""
    pages = Blueprint("pages", __name__)

    @pages.get("/api/docs")
    @hide
    @public("the documentation of a public API")
    async def api_docs() -> Response:
        """Show the API's documentation."""
        return await _file(dist, f"{_DOCS}/index.html", docs=True)

    @pages.get("/", defaults={"path": ""})
    @pages.get("/<path:path>")
    @hide
    @public("the web client itself holds no secrets")
    async def page(path: str) -> Response:
        """Send a file of the web client, or the client itself for its own routes."""
        hidden = any(part.startswith(".") for part in path.split("/"))
        if path and not hidden and _is_file(dist / path):
            return await _file(dist, path, docs=path.startswith(f"{_DOCS}/"))
        wants_page = "text/html" in request.headers.get("Accept", "") or path.startswith(_CLIENT_PAGES)
        if path.startswith(("api/", "assets/", f"{_DOCS}/")) or (path and not wants_page):
            raise NotFound
        if not (dist / "index.html").is_file():
            raise NotBuilt
        return await _file(dist, "index.html")

    return pages


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # longer than the file system allows
        return False


async def _file(dist: Path, path: str, *, docs: bool = False) -> Response:
    response = await send_from_directory(dist, path)
    hashed = path.startswith("assets/")
    response.headers["Cache-Control"] = _KEEP if hashed else "no-cache"
    if path.endswith(".html"):
        response.headers["Content-Security-Policy"] = content_policy(application().settings, request.host, docs=docs)
        response.headers["Permissions-Policy"] = _PERMISSIONS
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if request.path.startswith("/r/"):
            response.headers["X-Robots-Tag"] = "noindex"  # a link to a room is a key to it
    return response


def content_policy(settings: Settings, host: str, *, docs: bool = False) -> str:
    """Return the Content-Security-Policy (CSP level 3) for a page: nothing from elsewhere but our own sockets."""
    gateway = urlsplit(settings.ws_url("", host))
    # The documentation page sets style attributes; it shows no user's text.
    styles = "'self' 'unsafe-inline'" if docs else "'self'"
    directives = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": styles,
        "img-src": "'self' data: blob:",
        "font-src": "'self'",
        "media-src": "'self' blob: mediastream:",
        "connect-src": f"'self' {gateway.scheme}://{gateway.netloc}",
        "worker-src": "'self' blob:",
        "manifest-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())
