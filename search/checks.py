"""What must be right for search before the start."""
