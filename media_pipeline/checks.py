"""What must be configured before a lecture can be made playable."""
