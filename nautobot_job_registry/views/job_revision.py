"""Pages of job revisions."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from nautobot.apps.views import ObjectDetailViewMixin, ObjectListViewMixin
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.response import Response

from nautobot_job_registry import filters, forms, models, tables
from nautobot_job_registry.api import serializers
from nautobot_job_registry.history import comparison
from nautobot_job_registry.models.constants import UUID_PATTERN
from nautobot_job_registry.views.details import job_revision


class JobRevisionUIViewSet(ObjectListViewMixin, ObjectDetailViewMixin):
    """Pages of job revisions: each of them, and two of them side by side."""

    action_buttons = ("export",)
    filterset_class = filters.JobRevisionFilterSet
    filterset_form_class = forms.JobRevisionFilterForm
    lookup_field = "pk"
    lookup_value_regex = UUID_PATTERN
    object_detail_content = job_revision.JOB_REVISION
    queryset = models.JobRevision.objects.select_related("job", "reconciliation").defer(
        "source_code", "reconciliation__changes", "reconciliation__error"
    )
    serializer_class = serializers.JobRevisionSerializer
    table_class = tables.JobRevisionTable

    def get_queryset(self) -> QuerySet:
        """Read what each revision changed, and how often it ran."""
        return super().get_queryset().with_history(self.request.user)

    def alter_queryset(self, request: HttpRequest) -> QuerySet:
        """Read the same for the list."""
        return super().alter_queryset(request).with_history(request.user)

    def get_extra_context(self, request: HttpRequest, instance: models.JobRevision | None = None) -> dict[str, Any]:
        """Add the revisions around the one of the page."""
        context = super().get_extra_context(request, instance)
        if instance is not None:
            context["neighbours"] = comparison.neighbours(instance, request.user)
        return context

    @action(detail=True, url_path="diff", url_name="diff", custom_view_base_action="view")
    def diff(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Compare the revision with the one that `against` names, or with the one before it."""
        try:
            compared = comparison.compare_revisions(self.get_object(), request.GET.get("against"), request.user)
        except comparison.NothingBeforeError as error:
            return Response({"obstacle": str(error)})
        except comparison.ComparisonError as error:
            return Response({"obstacle": str(error)}, status=status.HTTP_400_BAD_REQUEST)
        return Response({"comparison": compared})
