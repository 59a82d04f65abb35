"""Pages of registered jobs: find, read, edit, delete, one or many."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html_join
from nautobot.apps.forms import ConfirmationForm
from nautobot.apps.utils import get_permission_for_model
from nautobot.apps.views import (
    NautobotViewSetMixin,
    ObjectBulkDestroyViewMixin,
    ObjectBulkUpdateViewMixin,
    ObjectChangeLogViewMixin,
    ObjectDestroyViewMixin,
    ObjectDetailViewMixin,
    ObjectEditViewMixin,
    ObjectListViewMixin,
    ObjectNotesViewMixin,
)
from nautobot.core.views.utils import get_bulk_queryset_from_view
from rest_framework.decorators import action
from rest_framework.response import Response

from nautobot_job_registry import filters, forms, models, tables
from nautobot_job_registry.api.serializers import RegisteredJobSerializer
from nautobot_job_registry.core_bridge import permissions
from nautobot_job_registry.core_bridge.permissions import (
    DECISIONS,
    WithheldError,
    require_still_permitted,
    withheld,
    withheld_message,
)
from nautobot_job_registry.lifecycle import deletion
from nautobot_job_registry.models.constants import UUID_PATTERN
from nautobot_job_registry.views.adoption import AdoptionViewMixin
from nautobot_job_registry.views.details import registered_job


class ObjectUpdateViewMixin(NautobotViewSetMixin):
    """Pages that edit an object; of Nautobot's own mixin, which also makes objects, the half that applies."""

    update = ObjectEditViewMixin.update
    perform_update = ObjectEditViewMixin.perform_update
    extra_message = ObjectEditViewMixin.extra_message
    extra_message_context = ObjectEditViewMixin.extra_message_context
    _process_create_or_update_form = ObjectEditViewMixin._process_create_or_update_form


class RegisteredJobUIViewSet(
    AdoptionViewMixin,
    ObjectListViewMixin,
    ObjectDetailViewMixin,
    ObjectUpdateViewMixin,
    ObjectDestroyViewMixin,
    ObjectBulkUpdateViewMixin,
    ObjectBulkDestroyViewMixin,
    ObjectChangeLogViewMixin,
    ObjectNotesViewMixin,
):
    """Pages of registered jobs. There is none that makes one: jobs are registered by reconciling."""

    action_buttons = ("export",)
    bulk_update_form_class = forms.RegisteredJobBulkEditForm
    filterset_class = filters.RegisteredJobFilterSet
    filterset_form_class = forms.RegisteredJobFilterForm
    lookup_field = "pk"
    lookup_value_regex = UUID_PATTERN
    object_detail_content = registered_job.REGISTERED_JOB
    queryset = (
        models.RegisteredJob.objects.select_related("git_repository", "current_revision", "core_job")
        .defer("current_revision__source_code")
        .prefetch_related("tags")
    )
    serializer_class = RegisteredJobSerializer
    table_class = tables.RegisteredJobTable
    update_form_class = forms.RegisteredJobForm

    def alter_queryset(self, request: HttpRequest) -> QuerySet:
        """Say in all lists which jobs are drifted, and read at once what a bulk edit needs."""
        queryset = super().alter_queryset(request).with_drift()
        if self.action == "bulk_update":
            noted = Prefetch("field_overrides", models.FieldOverride.objects.defer("reason"))
            queryset = queryset.select_related("default_job_queue").prefetch_related("job_queues", noted)
        return queryset

    def get_extra_context(self, request: HttpRequest, instance: models.RegisteredJob | None = None) -> dict[str, Any]:
        """Say beforehand what a deletion costs (rule 19)."""
        context = super().get_extra_context(request, instance)
        if self.action == "destroy" and instance is not None:
            context["impact"] = deletion.deletion_impact([instance], request.user)
        if self.action == "bulk_destroy":
            chosen = get_bulk_queryset_from_view(user=request.user, action="delete", **self.key_params)
            context["impact"] = deletion.deletion_impact(list(chosen), request.user)
        return context

    @action(
        detail=True,
        custom_view_base_action="view",
        custom_view_additional_permissions=[get_permission_for_model(models.JobRevision, "view")],
    )
    def history(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Show what changed on the job, and when."""
        return Response({})

    @action(
        detail=True,
        custom_view_base_action="view",
        custom_view_additional_permissions=[get_permission_for_model(models.JobRun, "view")],
    )
    def runs(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Show the runs of a job."""
        return Response({})

    @action(
        detail=True,
        custom_view_base_action="view",
        custom_view_additional_permissions=[get_permission_for_model(models.JobSchedule, "view")],
    )
    def schedules(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Show the schedules of a job."""
        return Response({})

    def extra_message_context(self, obj: models.RegisteredJob) -> dict[str, Any]:
        """Say what could not be put back to what the source says (rule 13)."""
        return {"warnings": obj.warnings}

    def extra_message(self, warnings: Iterable[str] = ()) -> str:
        """Return the warnings as a part of the message."""
        return format_html_join("", " {}", ((text,) for text in warnings))

    def form_save(self, form: forms.RegisteredJobForm, **kwargs: Any) -> models.RegisteredJob:
        """Save the record, and see that core's row is still the user's to change (rule 17)."""
        job = super().form_save(form, **kwargs)
        if form.decides:
            try:
                require_still_permitted(self.request.user, [job])
            except WithheldError as error:
                raise ValidationError(str(error)) from error
        return job

    def _process_destroy_form(self, form: ConfirmationForm) -> None:
        request, job = self.request, self.obj
        try:
            with transaction.atomic():
                deletion.delete_records([job], request.user)
        except (deletion.InstalledError, permissions.NotPermittedError) as error:
            messages.error(request, str(error))
            self.success_url = job.get_absolute_url()
            return
        messages.success(request, f"Deleted registered job {job}")
        self.success_url = self.get_return_url(request, job)

    def send_bulk_delete_objects_to_job(self, request: HttpRequest) -> HttpResponse:
        """Refuse at once what the job that deletes would refuse later (rules 17 and 19)."""
        jobs = list(get_bulk_queryset_from_view(user=request.user, action="delete", **self.key_params))
        reason = deletion.deletion_refusal(jobs) or _missing_right(request.user, "delete", jobs)
        return self._refused(request, reason) if reason else super().send_bulk_delete_objects_to_job(request)

    def send_bulk_edit_objects_to_job(self, request: HttpRequest, form_data: dict[str, Any]) -> HttpResponse:
        """Refuse at once what the job that edits would refuse later (rule 17)."""
        jobs = get_bulk_queryset_from_view(user=request.user, action="change", **self.key_params)
        decides = any(forms.given(form_data.get(name)) for name in DECISIONS)
        reason = _missing_right(request.user, "change", list(jobs)) if decides else ""
        return self._refused(request, reason) if reason else super().send_bulk_edit_objects_to_job(request, form_data)

    def _refused(self, request: HttpRequest, reason: str) -> HttpResponse:
        messages.error(request, reason)
        return redirect(self.get_return_url(request))


def _missing_right(user: Any, action: str, jobs: list[models.RegisteredJob]) -> str:
    """Say which right on Nautobot's own jobs is missing; nothing where none is."""
    missing = withheld(user, action, jobs)
    names = [job.class_path for job in jobs if job.pk in missing]
    return withheld_message(action, names) if names else ""
