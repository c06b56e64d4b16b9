ALTER TABLE room_nodes DROP COLUMN offer;
