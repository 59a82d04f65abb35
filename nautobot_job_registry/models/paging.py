"""Deep pages of long lists: the keys of a page are taken first, and only its rows are joined."""

from __future__ import annotations

from typing import Any, Final

from django.db import connections
from nautobot.apps.models import RestrictedQuerySet

# Before this row a page is read as it is asked for: the database leaves out few rows then, however it does it.
DEEP: Final = 500


class PagedQuerySet(RestrictedQuerySet):
    """Query set of rows of which there are many, and which lists show with much of other tables beside them.

    The database would join, and work out, all of that for each row before the page, too. It is one statement all the
    same: what is joined is asked of the rows whose keys another query takes.
    """

    def __getitem__(self, key: Any) -> Any:
        """Return a row, or a page of rows."""
        if not isinstance(key, slice) or (key.start or 0) < DEEP or key.step is not None or not self._can_be_split:
            return super().__getitem__(key)
        keys = self.select_related(None).prefetch_related(None).values("pk")
        return self.filter(pk__in=RestrictedQuerySet.__getitem__(keys, key))

    @property
    def _can_be_split(self) -> bool:
        """Whether the query is one of whole rows, each of which comes once, on a database that can do it."""
        query = self.query
        is_plain = self._result_cache is None and self._fields is None and not query.is_sliced
        is_plain = is_plain and not (query.combinator or query.distinct_fields or query.select_for_update)
        return bool(is_plain and connections[self.db].features.allow_sliced_subqueries_with_in)
