"""«This entry is wrong», «something is missing»: a member says so, an organiser answers."""
