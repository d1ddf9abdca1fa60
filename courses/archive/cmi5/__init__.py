"""cmi5, the launching side (an LMS in its words): packages, launches, sessions, moveOn, hours."""
