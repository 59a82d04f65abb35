"""What the code of jobs says: found, loaded, read."""
