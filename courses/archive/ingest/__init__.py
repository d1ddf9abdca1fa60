"""The short way into the log: beats of a session that holds its member's lease, kept many to a commit.

Beside Django and without it on the way (portal/asgi.py). What is in any way different (a first beat, another
device's turn, a bad token, a batch that contradicts the log) is answered by Django's own endpoint, which knows
all the rules; nothing of it has been kept here then.

`door.py` the HTTP side, `holder.py` what is known of a token, `groups.py` who is kept with whom,
`stores.py` one group, one commit.
"""
