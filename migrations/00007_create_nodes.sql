-- depends: 00006_create_calls

CREATE TABLE nodes (
    node TEXT PRIMARY KEY,
    incarnation TEXT NOT NULL,
    seen_at BIGINT NOT NULL
);

CREATE TABLE room_nodes (
    room_id TEXT PRIMARY KEY,
    node TEXT NOT NULL,
    incarnation TEXT NOT NULL
);

CREATE INDEX room_nodes_node ON room_nodes (node);
