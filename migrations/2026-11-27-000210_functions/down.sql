DROP FUNCTION history_step(text, timestamptz, text);
DROP FUNCTION is_online(boolean, timestamptz, integer);
DROP FUNCTION heard_lately(timestamptz, integer);
