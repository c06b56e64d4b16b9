DROP TABLE room_nodes;
DROP TABLE nodes;
