"""What goes off with a job that goes away, and comes back with it."""
