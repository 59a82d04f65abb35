"""What changed, in words, side by side, and how long it is kept."""
