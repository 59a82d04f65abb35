"""Jobs that are moved or renamed, and their past."""
