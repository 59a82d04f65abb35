"""Jobs of the repository."""
