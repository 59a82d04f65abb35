"""Pages of suspensions: what is suspended now and why, and its restoring by hand."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from rest_framework.decorators import action

from nautobot_job_registry import filters, forms, models, tables
from nautobot_job_registry.api import serializers
from nautobot_job_registry.core_bridge import permissions
from nautobot_job_registry.lifecycle.suspensions import restoring
from nautobot_job_registry.views.base import RecordUIViewSet
from nautobot_job_registry.views.details import suspension as details_suspension

NOTHING_SELECTED = "No suspension was selected, so that nothing was restored."


class SuspensionUIViewSet(RecordUIViewSet):
    """Pages of suspensions; they are made and ended by reconciling, and restored by hand."""

    filterset_class = filters.SuspensionFilterSet
    filterset_form_class = forms.SuspensionFilterForm
    object_detail_content = details_suspension.SUSPENSION
    queryset = models.Suspension.objects.select_related("job", "object_type", "restored_by")
    serializer_class = serializers.SuspensionSerializer
    table_class = tables.SuspensionTable

    def get_extra_context(self, request: HttpRequest, instance: models.Suspension | None = None) -> dict[str, Any]:
        """Offer the selecting of rows to those who may restore some, whatever they may do with suspensions."""
        context = super().get_extra_context(request, instance)
        if self.action == "list":
            may = restoring.may_restore_anything(request.user)
            context["may_restore"] = may
            context["permissions"] = {"view": True, "add": False, "change": may, "delete": False}
        return context

    # A browser asks by GET after a login in between: nothing is done, and the page is shown that it came from.

    @action(detail=True, methods=["get", "post"], custom_view_base_action="view")
    def restore(self, request: HttpRequest, pk: Any = None) -> HttpResponse:
        """Switch on again what the suspension of the page is about."""
        suspension = self.get_object()
        if request.method == "POST":
            self._restore(request, [suspension])
        return redirect(suspension.get_absolute_url())

    @action(
        detail=False,
        methods=["get", "post"],
        url_path="restore",
        url_name="bulk_restore",
        custom_view_base_action="view",
    )
    def bulk_restore(self, request: HttpRequest) -> HttpResponse:
        """Switch on again what the selected suspensions are about: all of them, or none."""
        rows = list(self.chosen_rows())
        if rows:
            self._restore(request, rows)
        elif request.method == "POST":
            messages.warning(request, NOTHING_SELECTED)
        return redirect(self.get_return_url(request))

    def _restore(self, request: HttpRequest, rows: list[models.Suspension]) -> None:
        names = ", ".join(row.object_name for row in rows)
        try:
            restoring.restore(rows, request.user)
        except permissions.NotPermittedError as error:
            raise PermissionDenied(str(error)) from error
        except restoring.NotRestorableError as error:
            messages.error(request, f"Nothing was restored. {error}")
        else:
            messages.success(request, f"Switched on again: {names}.")
