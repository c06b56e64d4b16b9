-- depends: 00002_create_device_sessions

CREATE TABLE rooms (
    id TEXT PRIMARY KEY,
    owner_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    guests_allowed BOOLEAN NOT NULL,
    max_members INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX rooms_owner_id ON rooms (owner_id, created_at);
