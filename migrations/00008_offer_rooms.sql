-- depends: 00007_create_nodes

ALTER TABLE room_nodes ADD COLUMN offer TEXT;
