"""What the pages of more than one model have in common."""

from __future__ import annotations

import re

from django.db.models import QuerySet
from nautobot.apps.views import ObjectDetailViewMixin, ObjectListViewMixin

from nautobot_job_registry.models.constants import UUID_PATTERN

UUID_MATCH = re.compile(UUID_PATTERN)


class RecordUIViewSet(ObjectListViewMixin, ObjectDetailViewMixin):
    """The list and the page of what the registry writes itself, and nobody makes or edits."""

    action_buttons = ("export",)
    lookup_field = "pk"
    lookup_value_regex = UUID_PATTERN

    def chosen_rows(self) -> QuerySet:
        """Return the rows that are ticked in the list, or all that match its filter."""
        if self.request.POST.get("_all"):
            return self.filter_queryset(self.get_queryset())
        ticked = [pk for pk in self.request.POST.getlist("pk") if UUID_MATCH.fullmatch(pk)]
        return self.get_queryset().filter(pk__in=ticked)
