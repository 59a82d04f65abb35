"""Pages of what the registry records: revisions, load errors, runs, schedules and reconciliations."""

from __future__ import annotations

from typing import Any

from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.response import Response

from nautobot_job_registry import filters, forms, models, tables
from nautobot_job_registry.api import serializers
from nautobot_job_registry.filters import changes
from nautobot_job_registry.history import comparison
from nautobot_job_registry.views.base import RecordUIViewSet
from nautobot_job_registry.views.details import anchors, job_load_error, job_revision, reconciliation


class JobRevisionUIViewSet(RecordUIViewSet):
    """Pages of job revisions: each of them, and two of them side by side."""

    filterset_class = filters.JobRevisionFilterSet
    filterset_form_class = forms.JobRevisionFilterForm
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
        """Read the same for the list, in which the latest come first, whatever their jobs are."""
        rows = super().alter_queryset(request).with_history(request.user)
        return rows.order_by(F("created").desc(nulls_last=True), "job", "-number") if self.action == "list" else rows

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


class JobLoadErrorUIViewSet(RecordUIViewSet):
    """Pages of load errors."""

    filterset_class = filters.JobLoadErrorFilterSet
    filterset_form_class = forms.JobLoadErrorFilterForm
    object_detail_content = job_load_error.JOB_LOAD_ERROR
    queryset = models.JobLoadError.objects.select_related("git_repository").defer("traceback")
    serializer_class = serializers.JobLoadErrorSerializer
    table_class = tables.JobLoadErrorTable


class JobRunUIViewSet(RecordUIViewSet):
    """Pages of job runs."""

    filterset_class = filters.JobRunFilterSet
    filterset_form_class = forms.JobRunFilterForm
    object_detail_content = anchors.JOB_RUN
    queryset = models.JobRun.objects.listed()
    serializer_class = serializers.JobRunSerializer
    table_class = tables.JobRunTable


class JobScheduleUIViewSet(RecordUIViewSet):
    """Pages of job schedules."""

    filterset_class = filters.JobScheduleFilterSet
    filterset_form_class = forms.JobScheduleFilterForm
    object_detail_content = anchors.JOB_SCHEDULE
    queryset = models.JobSchedule.objects.select_related("job", "scheduled_job__user")
    serializer_class = serializers.JobScheduleSerializer
    table_class = tables.JobScheduleTable


class ReconciliationUIViewSet(RecordUIViewSet):
    """Pages of reconciliations."""

    filterset_class = filters.ReconciliationFilterSet
    filterset_form_class = forms.ReconciliationFilterForm
    object_detail_content = reconciliation.RECONCILIATION
    queryset = models.Reconciliation.objects.select_related("user", "job_result__job_model").defer("changes")
    serializer_class = serializers.ReconciliationSerializer
    table_class = tables.ReconciliationTable

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        """Read the changes of the rows, too, where a list shows only certain ones."""
        queryset = super().filter_queryset(queryset)
        is_feed = any(name in self.request.GET for name in changes.NAMES)
        return queryset.defer(None) if is_feed else queryset

    @action(detail=True, url_path="changes", url_name="changes", custom_view_base_action="view")
    def changes(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return more rows of a group of changes, as the page asks for them."""
        part = reconciliation.more_rows(self.get_object(), request.GET, request.user)
        return render(request, "nautobot_job_registry/inc/changes_part.html", {"shown": part, "rest_url": request.path})
