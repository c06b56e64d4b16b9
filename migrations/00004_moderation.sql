-- depends: 00003_create_rooms

ALTER TABLE rooms ADD COLUMN lobby TEXT NOT NULL DEFAULT 'off';
ALTER TABLE rooms ADD COLUMN password_hash TEXT;

CREATE TABLE room_moderators (
    room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (room_id, user_id)
);

CREATE INDEX room_moderators_user_id ON room_moderators (user_id);

-- guest_key and address_key are keyed hashes: the table tells nobody who a guest is or where they live.
CREATE TABLE room_bans (
    id TEXT PRIMARY KEY,
    room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    guest_key TEXT,
    address_key TEXT,
    display_name TEXT NOT NULL,
    by_user BIGINT,
    by_name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX room_bans_room_id ON room_bans (room_id, created_at);
CREATE INDEX room_bans_user_id ON room_bans (user_id);
-- Once is enough: lifting a ban must not leave another one behind.
CREATE UNIQUE INDEX room_bans_account ON room_bans (room_id, user_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX room_bans_guest ON room_bans (room_id, guest_key) WHERE guest_key IS NOT NULL;

CREATE TABLE room_invitations (
    id TEXT PRIMARY KEY,
    room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    token_hash TEXT NOT NULL,
    created_by BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    max_uses INTEGER,
    uses INTEGER NOT NULL,
    revoked_at BIGINT
);

CREATE UNIQUE INDEX room_invitations_token_hash ON room_invitations (token_hash);
CREATE INDEX room_invitations_room_id ON room_invitations (room_id, created_at);
CREATE INDEX room_invitations_expires_at ON room_invitations (expires_at);

-- Who came in by an invitation comes in again without counting: person is an account or a guest's keyed hash.
CREATE TABLE room_invitation_uses (
    invitation_id TEXT NOT NULL REFERENCES room_invitations (id) ON DELETE CASCADE,
    person TEXT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (invitation_id, person)
);

CREATE TABLE room_audit (
    id TEXT PRIMARY KEY,
    room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    at BIGINT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    action TEXT NOT NULL,
    target_id TEXT,
    target_name TEXT,
    detail TEXT NOT NULL
);

CREATE INDEX room_audit_room_id ON room_audit (room_id, id);
CREATE INDEX room_audit_at ON room_audit (at);
