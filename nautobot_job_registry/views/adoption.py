"""Pages on which a person says what a job was before (rule 21)."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from nautobot.apps.utils import is_uuid
from nautobot.apps.views import NautobotViewSetMixin
from rest_framework.decorators import action

from nautobot_job_registry.core_bridge import permissions
from nautobot_job_registry.lifecycle.moves import adopting
from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.views.details import panels

TEMPLATES = "nautobot_job_registry/registeredjob"


class AdoptionViewMixin(NautobotViewSetMixin):
    """The pages that adopt the past of another job, and that dismiss a proposal; each asks before it acts."""

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

    def _asked(self, request: HttpRequest, job: RegisteredJob, predecessor: RegisteredJob) -> HttpResponse:
        preview = adopting.preview_adoption(job, predecessor, request.user)
        context = {
            "obj": job,
            "preview": preview,
            "taken": [panels.field_label(RegisteredJob, field) for field in preview.inheritance.taken],
            "not_taken": [panels.field_label(RegisteredJob, field) for field in preview.inheritance.not_taken],
            "return_url": job.get_absolute_url(),
            "card_class": "warning",
            "button_class": "primary",
        }
        return render(request, f"{TEMPLATES}_adopt.html", context)

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
            seen = RegisteredJob.objects.restrict(request.user, "view").filter(pk=job.predecessor_id).first()
            context = {"obj": job, "predecessor": seen, "return_url": job.get_absolute_url()}
            return render(request, f"{TEMPLATES}_dismiss_predecessor.html", context)
        try:
            adopting.dismiss_proposal(job)
        except adopting.AdoptionError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"{job.class_path} has not been the job that was proposed: noted.")
        return redirect(job.get_absolute_url())
