DROP TABLE room_audit;
DROP TABLE room_invitation_uses;
DROP TABLE room_invitations;
DROP TABLE room_bans;
DROP TABLE room_moderators;
ALTER TABLE rooms DROP COLUMN password_hash;
ALTER TABLE rooms DROP COLUMN lobby;
