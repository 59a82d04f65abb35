"""Nautobot's own rows and ways: the only package that writes them. Import its modules; nothing is re-exported here."""
