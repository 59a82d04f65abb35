"""The page on which a person looks at a plan, and has it carried out."""

import logging
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from nautobot.apps.views import GenericView, ObjectPermissionRequiredMixin

from nautobot_job_registry import details, models, reconcile_now, report
from nautobot_job_registry.engine.errors import UnknownSourceError

logger = logging.getLogger(__name__)

TITLE = "Reconcile now"


class ReconcileNowView(ObjectPermissionRequiredMixin, GenericView):
    """Show what a reconcile would do, and begin it once that is confirmed."""

    queryset = models.Reconciliation.objects.all()
    template_name = "nautobot_job_registry/reconcile_now.html"

    def get_required_permission(self) -> str:
        """Ask for the right to add a reconciliation; running the job takes one more."""
        return reconcile_now.ADD

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the plan of a source."""
        source = request.GET.get("source") or reconcile_now.ALL
        context = {
            "title": TITLE,
            "source": source,
            "obstacle": obstacle(request.user),
            **planned(request.user, source),
            "sources": reconcile_now.sources(),
        }
        return render(request, self.template_name, context)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Begin the reconcile, and go to its run; where it cannot begin, say why and stay."""
        source = request.POST.get("source") or reconcile_now.ALL
        try:
            run = reconcile_now.begin(request.user, source)
        except reconcile_now.NotPermittedError as error:
            raise PermissionDenied(str(error)) from error
        except (reconcile_now.ReconcileNowError, UnknownSourceError) as error:
            messages.error(request, str(error))
            page = reverse("plugins:nautobot_job_registry:reconcile_now")
            return redirect(f"{page}?{urlencode({'source': source})}")
        return redirect(run.get_absolute_url())


def obstacle(user: Any) -> str:
    """Return why a user cannot begin a reconcile, or nothing."""
    try:
        reconcile_now.job_to_run(user)
    except reconcile_now.ReconcileNowError as error:
        return str(error)
    return ""


def planned(user: Any, source: str) -> dict[str, Any]:
    """Return what the page shows of a plan, or why there is none: whatever the job code raises, the page stays."""
    try:
        plan = reconcile_now.make_plan(user, source)
    except (reconcile_now.ReconcileNowError, UnknownSourceError) as error:
        return {"error": str(error)}
    except Exception as error:
        logger.exception("The plan of %s failed.", source)
        return {"error": f"The plan failed. {type(error).__name__}: {error}"}
    return {
        "plan": plan,
        "summary": report.summary(plan),
        "rows": list(details.shown_changes(report.plan_as_json(plan))),
    }
