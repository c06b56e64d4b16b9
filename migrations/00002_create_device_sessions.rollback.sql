DROP TABLE ws_tickets;
DROP TABLE refresh_tokens;
DROP TABLE device_sessions;
