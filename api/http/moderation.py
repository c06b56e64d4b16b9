"""What owners and moderators do about a room outside of its calls: `/rooms/{roomId}/…`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from quart import Blueprint, g, request
from quart_schema import document_querystring, document_request, document_response, validate_response

from api.http.bodies import Empty, optional_body, page_limit
from api.http.openapi import problems
from api.http.rooms import caller, known_form, rfc3339
from api.http.security import application, authenticated
from signaling.invitation_store import InvitationRecord
from signaling.invitations import DEFAULT_LIFETIME, MAX_LIFETIME
from signaling.moderation_store import AuditRecord, BanRecord
from signaling.ports import Account

_PAGE = 50
_MAX_PAGE = 200


class NewInvitation(Struct, forbid_unknown_fields=True):
    """How long an invitation holds, and how many it lets in; without `maxUses` as many as come."""

    expiresIn: Annotated[
        int, Meta(ge=60, le=int(MAX_LIFETIME.total_seconds()), description="Seconds; 7 days by default")
    ] = int(DEFAULT_LIFETIME.total_seconds())
    maxUses: Annotated[int, Meta(ge=1, le=10_000)] | UnsetType = UNSET


class Invitation(Struct):
    """An invitation into a room, as its owner sees it."""

    id: str
    createdAt: str
    expiresAt: str
    uses: int
    maxUses: int | None


class CreatedInvitation(Struct):
    """A new invitation. `url` holds its token and is shown this once."""

    invitation: Invitation
    url: str


class InvitationList(Struct):
    """Invitations that hold, newest first."""

    invitations: list[Invitation]


class BanView(Struct):
    """Someone who may not enter a room."""

    id: str
    displayName: str
    kind: str
    by: str
    createdAt: str


class BanList(Struct):
    """Bans, newest first."""

    bans: list[BanView]


class Moderator(Struct):
    """Someone who moderates a room beside its owner."""

    userId: int
    username: str


class ModeratorList(Struct):
    """Moderators, the one appointed first first."""

    moderators: list[Moderator]


class AuditParty(Struct):
    """Someone in the audit trail; `id` is that of the account, or of a member without one."""

    id: str
    name: str


class AuditEntry(Struct):
    """What someone did in a room."""

    id: str
    at: str
    action: str
    actor: AuditParty
    target: AuditParty | None
    detail: str


class AuditPage(Struct):
    """What was done, newest first. `next`: what to pass as `before` for the entries that follow, if any do."""

    entries: list[AuditEntry]
    next: str | None


class AuditQuery(Struct):
    """Which part of the trail."""

    before: str | None = None
    limit: int | None = None


def create_moderation_blueprint() -> Blueprint:
    """Return the routes under `/rooms/{roomId}` that are about who may do what there."""
    routes = Blueprint("moderation", __name__)
    _add_invitations(routes)
    _add_bans(routes)
    _add_moderators(routes)
    return routes


def _add_invitations(routes: Blueprint) -> None:
    @routes.post("/rooms/<room_id>/invitations")
    @authenticated
    @problems(404, 409, 422)
    @document_request(NewInvitation)
    @validate_response(CreatedInvitation)
    async def create_invitation(room_id: str) -> CreatedInvitation:
        """Make a link that lets its holder into a room of yours without account, password or knock."""
        wanted = await optional_body(NewInvitation)
        max_uses = None if wanted.maxUses is UNSET else wanted.maxUses
        invitation, token = await application().invitations.create(
            known_form(room_id), caller(), timedelta(seconds=wanted.expiresIn), max_uses
        )
        url = f"{application().settings.base_url.rstrip('/')}/r/{room_id}#invite={token}"
        return CreatedInvitation(invitation=_invitation(invitation), url=url)

    @routes.get("/rooms/<room_id>/invitations")
    @authenticated
    @problems(404)
    @validate_response(InvitationList)
    async def list_invitations(room_id: str) -> InvitationList:
        """List the invitations into a room of yours that hold, newest first."""
        found = await application().invitations.all(known_form(room_id), g.principal.user_id)
        return InvitationList(invitations=[_invitation(invitation) for invitation in found])

    @routes.delete("/rooms/<room_id>/invitations/<invitation_id>")
    @authenticated
    @problems(404)
    @document_response(Empty, 204)
    async def revoke_invitation(room_id: str, invitation_id: str) -> tuple[str, int]:
        """End an invitation; those who are in stay in."""
        await application().invitations.revoke(known_form(room_id), caller(), _storable(invitation_id))
        return "", 204


def _add_bans(routes: Blueprint) -> None:
    @routes.get("/rooms/<room_id>/bans")
    @authenticated
    @problems(404)
    @validate_response(BanList)
    async def list_bans(room_id: str) -> BanList:
        """List who may not enter a room that you own or moderate, newest first."""
        found = await application().moderation.bans(known_form(room_id), g.principal.user_id)
        return BanList(bans=[_ban(ban) for ban in found])

    @routes.delete("/rooms/<room_id>/bans/<ban_id>")
    @authenticated
    @problems(404)
    @document_response(Empty, 204)
    async def lift_ban(room_id: str, ban_id: str) -> tuple[str, int]:
        """Let someone into a room of yours again."""
        await application().moderation.lift_ban(known_form(room_id), caller(), _storable(ban_id))
        return "", 204

    @routes.get("/rooms/<room_id>/audit")
    @authenticated
    @problems(404, 422)
    @document_querystring(AuditQuery)
    @validate_response(AuditPage)
    async def list_audit(room_id: str) -> AuditPage:
        """Show what was done in a room that you own or moderate, newest first."""
        limit, before = page_limit(_PAGE, _MAX_PAGE), request.args.get("before")
        found = await application().moderation.audit(
            known_form(room_id), g.principal.user_id, None if before is None else _storable(before), limit + 1
        )
        shown = found[:limit]
        more = len(found) > limit
        return AuditPage(entries=[_entry(entry) for entry in shown], next=shown[-1].id if more else None)


def _add_moderators(routes: Blueprint) -> None:
    @routes.get("/rooms/<room_id>/moderators")
    @authenticated
    @problems(404)
    @validate_response(ModeratorList)
    async def list_moderators(room_id: str) -> ModeratorList:
        """List who moderates a room that you own or moderate."""
        found = await application().moderation.moderators(known_form(room_id), g.principal.user_id)
        return ModeratorList(moderators=[_moderator(account) for account in found])

    @routes.put("/rooms/<room_id>/moderators/<user>")
    @authenticated
    @problems(404, 409, 503)
    @validate_response(Moderator)
    async def appoint_moderator(room_id: str, user: str) -> Moderator:
        """Make someone, named by username or user id, a moderator of a room of yours; in a running call at once."""
        return _moderator(await application().moderation.appoint(known_form(room_id), caller(), _storable(user)))

    @routes.delete("/rooms/<room_id>/moderators/<user>")
    @authenticated
    @problems(404, 503)
    @document_response(Empty, 204)
    async def dismiss_moderator(room_id: str, user: str) -> tuple[str, int]:
        """Take the moderation of a room of yours from someone; in a running call at once."""
        await application().moderation.dismiss(known_form(room_id), caller(), _storable(user))
        return "", 204


def _storable(text: str) -> str:
    """Return what PostgreSQL can be asked for: its text holds no NUL and no half of a surrogate pair."""
    return text.replace("\0", " ").encode(errors="replace").decode()


def _invitation(record: InvitationRecord) -> Invitation:
    return Invitation(
        id=record.id,
        createdAt=rfc3339(record.created_at),
        expiresAt=rfc3339(record.expires_at),
        uses=record.uses,
        maxUses=record.max_uses,
    )


def _ban(record: BanRecord) -> BanView:
    return BanView(
        id=record.id,
        displayName=record.display_name,
        kind="guest" if record.user_id is None else "account",
        by=record.by_name,
        createdAt=rfc3339(record.created_at),
    )


def _moderator(account: Account) -> Moderator:
    return Moderator(userId=account.user_id, username=account.username)


def _entry(record: AuditRecord) -> AuditEntry:
    target = None
    if record.target_id is not None:
        target = AuditParty(id=record.target_id, name=record.target_name or "")
    return AuditEntry(
        id=record.id,
        at=rfc3339(record.at),
        action=record.action,
        actor=AuditParty(id=record.actor_id, name=record.actor_name),
        target=target,
        detail=record.detail,
    )
