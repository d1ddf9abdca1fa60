"""Old sessions, packed: what can receive nothing more leaves the log's table for one small row a member and month."""
