"""Offline claims (线下补录): what a member studied elsewhere, with proof, for the branch to approve."""
