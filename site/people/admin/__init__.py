"""The roster inside the Wagtail admin: members, organisations, posts, the audit trail.

It replaces Wagtail's own user management, which expects first names, last names and e-mail
addresses, and lets every change go through people.api.
"""
