"""Pages of registered jobs: find, read, edit, delete, one or many."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import messages
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.html import format_html_join
from nautobot.apps.forms import ConfirmationForm
from nautobot.apps.utils import get_permission_for_model, is_uuid
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
from nautobot.core.utils.requests import convert_querydict_to_dict
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
from nautobot_job_registry.lifecycle.moves import adopting
from nautobot_job_registry.models.attempts import TRY_AGAIN
from nautobot_job_registry.models.constants import UUID_PATTERN
from nautobot_job_registry.models.job_queries import has_rejected_sync
from nautobot_job_registry.overrides import enabling
from nautobot_job_registry.tables import display
from nautobot_job_registry.views.base import ListTemplateMixin, PatientUIViewSet
from nautobot_job_registry.views.details import registered_job
from nautobot_job_registry.views.details.alerts import alerts_of
from nautobot_job_registry.views.details.ends import ends_note


class ObjectUpdateViewMixin(NautobotViewSetMixin):
    """Pages that edit an object; of Nautobot's own mixin, which also makes objects, the half that applies."""

    update = ObjectEditViewMixin.update
    perform_update = ObjectEditViewMixin.perform_update
    extra_message = ObjectEditViewMixin.extra_message
    extra_message_context = ObjectEditViewMixin.extra_message_context
    _process_create_or_update_form = ObjectEditViewMixin._process_create_or_update_form


def tab_of(model: type[Model], name: str, description: str) -> Callable[..., Response]:
    """Return the page of a tab that shows what belongs to a job, for those who may view some of it."""

    def show(self: RegisteredJobUIViewSet, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        return Response({})

    show.__name__, show.__doc__ = name, description
    needed = [get_permission_for_model(model, "view")]
    return action(detail=True, custom_view_base_action="view", custom_view_additional_permissions=needed)(show)


class RegisteredJobUIViewSet(
    ListTemplateMixin,
    PatientUIViewSet,
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
        """Say in all lists which jobs are drifted or of a source that is stuck; read at once what a bulk edit needs."""
        queryset = super().alter_queryset(request).with_drift().annotate(has_rejected_sync=has_rejected_sync())
        if self.action == "bulk_update":
            noted = Prefetch("field_overrides", models.FieldOverride.objects.defer("reason"))
            queryset = queryset.select_related("default_job_queue").prefetch_related("job_queues", noted)
        return queryset

    def get_extra_context(self, request: HttpRequest, instance: models.RegisteredJob | None = None) -> dict[str, Any]:
        """Say first what is so, and beforehand what a deletion costs (rule 19)."""
        context = super().get_extra_context(request, instance)
        if self.action == "retrieve" and instance is not None:
            context["alerts"] = alerts_of(instance, request.user)
            context["state_badges"] = registered_job.state_badges(instance, request.user)
        if self.action == "update":
            context["ends"] = ends_note(request.user)
        if self.action == "destroy" and instance is not None:
            context["impact"] = deletion.deletion_impact([instance], request.user)
        # A page that tells of an error is made before the objects are chosen.
        if self.action == "bulk_destroy" and hasattr(self, "key_params"):
            chosen = get_bulk_queryset_from_view(user=request.user, action="delete", **self.key_params)
            context["impact"] = deletion.deletion_impact(list(chosen), request.user)
        return context

    history = tab_of(models.JobRevision, "history", "Show what changed on the job, and when.")
    runs = tab_of(models.JobRun, "runs", "Show the runs of a job.")
    schedules = tab_of(models.JobSchedule, "schedules", "Show the schedules of a job.")

    @action(detail=True, methods=["get", "post"], custom_view_base_action="change")
    def enable(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Enable the job."""
        return self._set_enabled(request, enabled=True)

    @action(detail=True, methods=["get", "post"], custom_view_base_action="change")
    def disable(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Disable the job."""
        return self._set_enabled(request, enabled=False)

    def _set_enabled(self, request: HttpRequest, *, enabled: bool) -> HttpResponse:
        job = self.get_object()
        if request.method != "POST":
            # Whoever logs in anew on the way comes back by a GET.
            return redirect(job.get_absolute_url())
        try:
            enabling.set_enabled(job, request.user, enabled=enabled)
        except WithheldError as error:
            messages.error(request, str(error))
        except ValidationError as error:
            messages.error(request, "; ".join(error.messages))
        else:
            messages.success(request, f"{job.name} is {'enabled' if enabled else 'disabled'}.")
        return redirect(job.get_absolute_url())

    @action(detail=True, methods=["get", "post"], url_path="adopt", custom_view_base_action="change")
    def adopt(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show what would move, and move it once that is confirmed."""
        job = self.get_object()
        key = request.POST.get("predecessor") or request.GET.get("predecessor")
        try:
            predecessor = adopting.predecessor_of(job, key if is_uuid(key) else None, request.user)
            if request.method == "GET":
                return self._asked(request, job, predecessor)
            adopting.adopt_past(job, predecessor, request.user)
        except (adopting.AdoptionError, permissions.NotPermittedError) as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"{job.class_path} has adopted the past of {predecessor.class_path}.")
        return redirect(job.get_absolute_url())

    def _asked(
        self, request: HttpRequest, job: models.RegisteredJob, predecessor: models.RegisteredJob
    ) -> HttpResponse:
        preview = adopting.preview_adoption(job, predecessor, request.user)
        context = {
            "obj": job,
            "preview": preview,
            "taken": [display.field_label(models.RegisteredJob, field) for field in preview.inheritance.taken],
            "not_taken": [display.field_label(models.RegisteredJob, field) for field in preview.inheritance.not_taken],
            "return_url": job.get_absolute_url(),
            "card_class": "warning",
            "button_class": "primary",
        }
        return render(request, "nautobot_job_registry/registeredjob_adopt.html", context)

    @action(
        detail=True,
        methods=["get", "post"],
        url_path="dismiss-predecessor",
        url_name="dismiss_predecessor",
        custom_view_base_action="change",
    )
    def dismiss_predecessor(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask whether the proposal is wrong, and withdraw it once that is confirmed."""
        job = self.get_object()
        if request.method == "GET" and job.predecessor_id:
            seen = models.RegisteredJob.objects.restrict(request.user, "view").filter(pk=job.predecessor_id).first()
            context = {"obj": job, "predecessor": seen, "return_url": job.get_absolute_url()}
            return render(request, "nautobot_job_registry/registeredjob_dismiss_predecessor.html", context)
        try:
            adopting.dismiss_proposal(job)
        except adopting.AdoptionError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"{job.class_path} has not been the job that was proposed: noted.")
        return redirect(job.get_absolute_url())

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

    def given_up(self, request: HttpRequest) -> HttpResponse:
        """Show the form of an edit that the database gave up with all that was typed."""
        if self.action != "update":
            return super().given_up(request)
        form = self.get_form_class()(data=request.POST, files=request.FILES, instance=self.get_object())
        form.is_valid()
        form.add_error(None, TRY_AGAIN)
        return self.form_invalid(form)

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

    def perform_bulk_update(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Enable or disable what is selected by the job that edits, or ask what else of it is to be changed."""
        wanted = request.POST.get("_set_enabled")
        if wanted is None:
            return super().perform_bulk_update(request, **kwargs)
        keys, takes_all = request.POST.getlist("pk"), bool(request.POST.get("_all"))
        if not keys and not takes_all:
            return self._refused(request, "No registered jobs were selected.")
        self.key_params = {
            "content_type": ContentType.objects.get_for_model(models.RegisteredJob),
            "edit_all": takes_all,
            "filter_query_params": convert_querydict_to_dict(request.GET),
            "pk_list": keys,
            "saved_view_id": request.GET.get("saved_view", ""),
        }
        data = QueryDict(mutable=True)
        data.update({"enabled": wanted})
        data.setlist("pk", keys)
        form = self.get_form_class()(models.RegisteredJob, data, edit_all=takes_all)
        if not form.is_valid():
            return self._refused(request, "; ".join(text for texts in form.errors.values() for text in texts))
        return self.send_bulk_edit_objects_to_job(request, form.cleaned_data)

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
