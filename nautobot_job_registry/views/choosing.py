"""What a person has chosen in a list."""

import re

from django.db.models import QuerySet
from nautobot.apps.views import ObjectListViewMixin

from nautobot_job_registry.models.constants import UUID_PATTERN

UUID_MATCH = re.compile(UUID_PATTERN)


def chosen_rows(view: ObjectListViewMixin) -> QuerySet:
    """Return the rows that are ticked in the list of a view, or all that match its filter."""
    if view.request.POST.get("_all"):
        return view.filter_queryset(view.get_queryset())
    ticked = [pk for pk in view.request.POST.getlist("pk") if UUID_MATCH.fullmatch(pk)]
    return view.get_queryset().filter(pk__in=ticked)
