"""What the pages of more than one model have in common."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from nautobot.apps.views import NautobotViewSetMixin, ObjectDetailViewMixin, ObjectListViewMixin

from nautobot_job_registry.models.attempts import GIVEN_UP, TRY_AGAIN, try_again
from nautobot_job_registry.models.constants import UUID_PATTERN

LIST_TEMPLATE, GENERIC_LIST_TEMPLATE = "nautobot_job_registry/list.html", "generic/object_list.html"
NO_ACTIONS = {"view": True, "add": False, "change": False, "delete": False}
UUID_MATCH = re.compile(UUID_PATTERN)


class PatientUIViewSet(NautobotViewSetMixin):
    """Pages that try again what the database gives up, and say so where it gives up all attempts (rule 10)."""

    def initial(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Have the request answered anew where the database gives it up."""
        super().initial(request, *args, **kwargs)
        name = (request.method or "").lower()
        answer: Any = getattr(self, name, self.http_method_not_allowed)
        setattr(self, name, partial(self._answer, answer))

    def _answer(
        self, answer: Callable[..., HttpResponse], request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        what = f"{request.method} {request.path}"
        try:
            return try_again(lambda: answer(request, *args, **kwargs), what=what)
        except GIVEN_UP:
            if request.method != "POST":
                raise
            self.logger.exception("The database gave up all attempts of %s.", what)
            return self.given_up(request)

    def given_up(self, request: HttpRequest) -> HttpResponse:
        """Answer a change that the database gave up: nothing was changed, and one can try again."""
        messages.error(request, TRY_AGAIN)
        return redirect(self.get_return_url(request, self.get_object() if "pk" in self.kwargs else None))


class ListTemplateMixin(NautobotViewSetMixin):
    """Lists that tell, above their rows, of code that cannot be loaded."""

    def get_template_name(self) -> str:
        """Return the template of a list: that of its model, or the one of all lists of the registry."""
        name: str = super().get_template_name()
        return LIST_TEMPLATE if name == GENERIC_LIST_TEMPLATE else name


class RecordUIViewSet(ListTemplateMixin, PatientUIViewSet, ObjectListViewMixin, ObjectDetailViewMixin):
    """The list and the page of what the registry writes itself, and nobody makes or edits."""

    action_buttons = ("export",)
    lookup_field = "pk"
    lookup_value_regex = UUID_PATTERN

    def get_extra_context(self, request: HttpRequest, instance: Model | None = None) -> dict[str, Any]:
        """Offer no ticks in a list in which nothing can be done with what is ticked."""
        context: dict[str, Any] = super().get_extra_context(request, instance)
        if self.action == "list":
            context["permissions"] = NO_ACTIONS
        return context

    def chosen_rows(self) -> QuerySet:
        """Return the rows that are ticked in the list, or all that match its filter."""
        if self.request.POST.get("_all"):
            return self.filter_queryset(self.get_queryset())
        ticked = [pk for pk in self.request.POST.getlist("pk") if UUID_MATCH.fullmatch(pk)]
        return self.get_queryset().filter(pk__in=ticked)
