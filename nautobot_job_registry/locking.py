"""Rows locked until the end of a transaction."""

from django.db import connections
from django.db.models import QuerySet


def locked(rows: QuerySet) -> QuerySet:
    """Return a query that locks its rows against being written, and lets other transactions go on pointing at them."""
    no_key = connections[rows.db].features.has_select_for_no_key_update
    return rows.select_for_update(of=("self",), no_key=no_key)
