"""Closing a year: after it only reversals and late entries, with a reason and an approver (README.md)."""
