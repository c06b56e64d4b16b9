-- depends: 00004_moderation

CREATE TABLE recordings (
    id TEXT PRIMARY KEY,
    room_id TEXT NOT NULL,
    started_by BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    stopped_at BIGINT,
    status TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    error TEXT NOT NULL
);

CREATE INDEX recordings_room_id ON recordings (room_id, started_at);
CREATE INDEX recordings_started_by ON recordings (started_by);
CREATE UNIQUE INDEX recordings_running ON recordings (room_id) WHERE status IN ('starting', 'recording');
