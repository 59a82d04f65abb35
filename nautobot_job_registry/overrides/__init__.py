"""What operators have overridden, and what the source says meanwhile."""
