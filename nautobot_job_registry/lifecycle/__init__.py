"""Jobs that leave, return and move."""
