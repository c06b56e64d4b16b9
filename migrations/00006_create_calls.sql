-- depends: 00005_create_recordings

-- No reference to rooms: what went wrong in a call can be asked after its room is gone. record is JSON; the columns
-- beside it are what lists show.
CREATE TABLE calls (
    id TEXT PRIMARY KEY,
    room_id TEXT NOT NULL,
    node TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    updated_at BIGINT NOT NULL,
    people INTEGER NOT NULL,
    result TEXT NOT NULL,
    cause TEXT,
    text TEXT NOT NULL,
    record TEXT NOT NULL
);

CREATE INDEX calls_room_id ON calls (room_id, started_at, id);
CREATE INDEX calls_started_at ON calls (started_at, id);
CREATE INDEX calls_running ON calls (updated_at) WHERE ended_at IS NULL;
