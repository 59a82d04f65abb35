"""Template tags and filters of the job registry."""
