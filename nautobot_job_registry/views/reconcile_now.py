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

from nautobot_job_registry import models
from nautobot_job_registry.core_bridge import own_jobs, permissions
from nautobot_job_registry.engine.errors import UnknownSourceError
from nautobot_job_registry.engine.text import failure_text, log_text
from nautobot_job_registry.models.attempts import GIVEN_UP, TRY_AGAIN, try_again
from nautobot_job_registry.reconcile import on_request, report
from nautobot_job_registry.views.details import reconciliation

logger = logging.getLogger(__name__)

TITLE = "Reconcile now"


class ReconcileNowView(ObjectPermissionRequiredMixin, GenericView):
    """Show what a reconcile would do, and begin it once that is confirmed."""

    queryset = models.Reconciliation.objects.all()
    template_name = "nautobot_job_registry/reconcile_now.html"

    def get_required_permission(self) -> str:
        """Ask for the right to add a reconciliation; running the job takes one more."""
        return on_request.ADD

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the plan of a source."""
        source = request.GET.get("source") or on_request.ALL
        context = {
            "title": TITLE,
            "source": source,
            "obstacle": obstacle(request.user),
            **planned(request.user, source),
            "sources": on_request.known_scopes(),
        }
        return render(request, self.template_name, context)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Begin the reconcile, and go to its run; where it cannot begin, say why and stay."""
        source = request.POST.get("source") or on_request.ALL
        try:
            run = try_again(
                lambda: on_request.begin_on_request(request.user, source), what="the beginning of a reconcile"
            )
        except permissions.NotPermittedError as error:
            raise PermissionDenied(str(error)) from error
        except GIVEN_UP:
            logger.exception("The database gave up the beginning of a reconcile.")
            messages.error(request, TRY_AGAIN)
            return redirect(_page_of(source))
        except (own_jobs.NotBegunError, UnknownSourceError) as error:
            messages.error(request, str(error))
            return redirect(_page_of(source))
        return redirect(run.get_absolute_url())


def _page_of(source: str) -> str:
    return f"{reverse('plugins:nautobot_job_registry:reconcile_now')}?{urlencode({'source': source})}"


def obstacle(user: Any) -> str:
    """Return why a user cannot begin a reconcile, or nothing."""
    try:
        own_jobs.job_to_run(on_request.RECONCILE_JOB, user)
    except (own_jobs.NotBegunError, permissions.NotPermittedError) as error:
        return str(error)
    return ""


def planned(user: Any, source: str) -> dict[str, Any]:
    """Return what the page shows of a plan, or why there is none: whatever the job code raises, the page stays."""
    try:
        plan = on_request.plan_on_request(user, source)
    except (permissions.NotPermittedError, UnknownSourceError) as error:
        return {"error": str(error)}
    except Exception as error:
        logger.error("The plan of %s failed.\n%s", log_text(source), failure_text(error))
        return {"error": f"The plan failed. {type(error).__name__}: {log_text(str(error))}"}
    return {
        "plan": plan,
        "summary": report.summary_line(plan.counts()),
        "rows": list(reconciliation.shown_changes(report.plan_as_json(plan))),
    }
