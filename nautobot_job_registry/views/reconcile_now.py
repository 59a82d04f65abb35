"""The page on which a person looks at a plan, and has it carried out as it is shown."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.apps import apps
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from nautobot.apps.views import GenericView, ObjectPermissionRequiredMixin
from nautobot.extras.models import GitRepository, ScheduledJob

from nautobot_job_registry import models
from nautobot_job_registry.core_bridge import own_jobs, permissions
from nautobot_job_registry.engine.errors import UnknownSourceError
from nautobot_job_registry.engine.text import failure_text, log_text
from nautobot_job_registry.history import changes as history
from nautobot_job_registry.history import diff, sentences
from nautobot_job_registry.metrics.needs import may_view
from nautobot_job_registry.models.attempts import GIVEN_UP, TRY_AGAIN, try_again
from nautobot_job_registry.models.constants import VIEW_SOURCE
from nautobot_job_registry.reconcile import on_request, shown_plans
from nautobot_job_registry.reconcile.shown_plans import ShownPlan
from nautobot_job_registry.tables import revision_changes
from nautobot_job_registry.views import change_rows, changes
from nautobot_job_registry.views.details import comparison

logger = logging.getLogger(__name__)

TITLE = "Reconcile now"
PLUGIN = "plugins:nautobot_job_registry"
NOT_KEPT = "This plan is not kept any more: show the plan again."


class PlanViewMixin(ObjectPermissionRequiredMixin, GenericView):
    """What all pages of a plan ask for."""

    queryset = models.Reconciliation.objects.all()

    def get_required_permission(self) -> str:
        """Ask for the right to add a reconciliation; running the job takes one more."""
        return on_request.ADD


class ReconcileNowView(PlanViewMixin):
    """Show what a reconcile would do, and begin it once that is confirmed."""

    template_name = "nautobot_job_registry/reconcile_now.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the plan of a source."""
        source = request.GET.get("source") or on_request.ALL
        context = {
            "title": TITLE,
            "source": source,
            "obstacle": obstacle(request.user),
            **planned(request.user, source),
            "sources": source_names(on_request.known_scopes()),
        }
        return render(request, self.template_name, context)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Begin the reconcile of the plan that was shown, and go to its run; where that cannot be, say why and stay."""
        source = request.POST.get("source") or on_request.ALL
        asked = {"plan_digest": request.POST.get("plan_digest", ""), "enable": "enable" in request.POST}
        try:
            run = try_again(
                lambda: on_request.begin_on_request(request.user, source, **asked), what="the beginning of a reconcile"
            )
        except permissions.NotPermittedError as error:
            raise PermissionDenied(str(error)) from error
        except GIVEN_UP:
            logger.exception("The database gave up the beginning of a reconcile.")
            messages.error(request, TRY_AGAIN)
            return redirect(_page_of(source))
        except own_jobs.NeedsApprovalError as error:
            messages.error(request, _with_a_way_out(error, request.user))
            return redirect(_page_of(source))
        except (own_jobs.NotBegunError, UnknownSourceError) as error:
            messages.error(request, str(error))
            return redirect(_page_of(source))
        return redirect(run.get_absolute_url())


class PlanPartView(PlanViewMixin):
    """More rows of a plan that was shown: the rest of a long group, or what changes in the code of a job."""

    def get(self, request: HttpRequest, digest: str) -> HttpResponse:
        """Return that part of the very plan that the page has shown."""
        plan = shown_plans.kept(digest, request.user)
        if plan is None:
            return render(request, "nautobot_job_registry/inc/not_kept.html", {"text": NOT_KEPT})
        if "job" in request.GET:
            return self.code(request, plan, request.GET["job"])
        part = changes.part_of(changes.grouped(plan.changes), request.GET)
        code = change_rows.changed_code(plan.code_hashes, request.user)
        known = known_of(plan, changes.paths_of(part.changes), request.user, code)
        context = {"shown": changes.shown_part(part, known), "rest_url": _part_url(plan)}
        return render(request, "nautobot_job_registry/inc/changes_part.html", context)

    def code(self, request: HttpRequest, plan: ShownPlan, class_path: str) -> HttpResponse:
        """Return the lines that differ from the current revision, for those who may see its code."""
        visible = models.JobRevision.objects.restrict(request.user, VIEW_SOURCE)
        module_name, _, name = class_path.rpartition(".")
        record = models.RegisteredJob.objects.filter(module_name=module_name, job_class_name=name)
        old = visible.filter(pk__in=record.values("current_revision")).first()
        new = plan.new_code(class_path)
        if old is None or new is None:
            raise Http404
        said = plan.metadata.get(class_path, {})
        fields = history.field_changes(old.metadata, said), history.variable_changes(old.metadata, said)
        what = revision_changes.in_words(*fields, False) if any(fields) else ""
        context = {"what": what, **comparison.shown_code(diff.compare_texts(old.source_code, new))}
        return render(request, "nautobot_job_registry/inc/plan_code.html", context)


def _page_of(source: str) -> str:
    return on_request.plan_address(source)


def _part_url(plan: ShownPlan) -> str:
    return reverse(f"{PLUGIN}:reconcile_now_part", kwargs={"digest": plan.digest})


def _with_a_way_out(error: Exception, user: Any) -> str:
    """Return why a run is not begun, with a link to the page of the job on which it can be asked for."""
    job = own_jobs.own_job(on_request.RECONCILE_JOB, user, "run")
    if job is None:
        return str(error)
    url = reverse("extras:job_run", kwargs={"pk": job.pk})
    return format_html('{} <a href="{}">Run {}</a>', str(error), url, job.name)


def source_names(labels: Iterable[str]) -> list[tuple[str, str]]:
    """Return labels of sources, each with what it is called, in one statement."""
    repositories = {f"git:{slug}": name for slug, name in GitRepository.objects.values_list("slug", "name")}
    names = {
        on_request.ALL: "All sources",
        **sentences.SOURCES,
        **{f"app:{app.name}": f"{app.verbose_name} (app)" for app in apps.get_app_configs()},
        **{label: f"{name} (Git repository)" for label, name in repositories.items()},
    }
    return [(label, str(names.get(label, label))) for label in labels]


@dataclass(frozen=True)
class Obstacle:
    """Why a user cannot begin a reconcile.

    Attributes:
        text: The reason, and what to do.
        job: Nautobot's own record of the job, if the user may view it.
        can_enable: Whether all that is missing is that the job is enabled, which the user may do.
    """

    text: str
    job: Any = None
    can_enable: bool = False


def obstacle(user: Any) -> Obstacle | None:
    """Return why a user cannot begin a reconcile, or nothing."""
    try:
        own_jobs.job_to_run(on_request.RECONCILE_JOB, user)
    except own_jobs.NotEnabledError as error:
        can_enable = own_jobs.own_job(on_request.RECONCILE_JOB, user, "change") is not None
        return Obstacle(str(error), own_jobs.own_job(on_request.RECONCILE_JOB, user, "view"), can_enable)
    except (own_jobs.NotBegunError, permissions.NotPermittedError) as error:
        return Obstacle(str(error))
    return None


def planned(user: Any, source: str) -> dict[str, Any]:
    """Return what the page shows of a plan, or why there is none: whatever the job code raises, the page stays."""
    try:
        plan = on_request.plan_on_request(user, source)
        shown = shown_plans.shown(plan, source)
    except (permissions.NotPermittedError, UnknownSourceError) as error:
        return {"error": str(error)}
    except Exception as error:
        logger.error("The plan of %s failed.\n%s", log_text(source), failure_text(error))
        return {"error": f"The plan failed. {type(error).__name__}: {log_text(str(error))}"}
    code = change_rows.changed_code(shown.code_hashes, user)
    shown = replace(shown, code=shown_plans.code_of(plan, code[0]))
    shown_plans.keep(shown, user)
    found = changes.grouped(shown.changes)
    known = known_of(shown, changes.paths_of(changes.at_once(found)), user, code)
    return {
        "plan": shown,
        "summary": summary(shown, found),
        "groups": changes.shown_groups(found, known),
        "rest_url": _part_url(shown),
    }


def known_of(plan: ShownPlan, paths: set[str], user: Any, code: tuple[set[str], set[str]]) -> change_rows.Known:
    """Return what a user may see of jobs of a plan, in a number of statements that does not depend on the plan.

    Args:
        plan: The plan.
        paths: The class paths of the jobs.
        user: Who looks at it.
        code: The jobs whose code differs: those whose code the user may see, and the others.
    """
    visible, withheld = code
    part = _part_url(plan)
    return change_rows.Known(
        jobs=change_rows.job_urls(paths, user),
        code={path: f"{part}?{urlencode({'job': path})}" for path in visible & paths},
        withheld=withheld,
        schedules=_schedules(plan, user),
        load_errors=may_view(user, models.JobLoadError),
    )


def _schedules(plan: ShownPlan, user: Any) -> dict[str, list[tuple[str, str]]]:
    """Return name and address of the schedules that will fail, of those that a user may view."""
    keys = [key for found in plan.schedules.values() for key in found]
    if not keys:
        return {}
    rows = {row.pk: row for row in ScheduledJob.objects.restrict(user, "view").filter(pk__in=keys).only("name")}
    return {
        path: [(rows[key].name, rows[key].get_absolute_url()) for key in found if key in rows]
        for path, found in plan.schedules.items()
    }


# What the bar says of each count: its sign, what it is called, one and many, and the group that it leads to.
PARTS_OF_BAR: Mapping[str, tuple[str, str, str, str]] = {
    "registered": (change_rows.ADDED, "{} new", "{} new", "registered"),
    "returned": (change_rows.ADDED, "{} restored", "{} restored", "returned"),
    "changed": (change_rows.CHANGED, "{} changed", "{} changed", "changed"),
    "refreshed": (change_rows.CHANGED, "version of {} moved", "version of {} moved", "refreshed"),
    "adopted": (change_rows.CHANGED, "{} moved", "{} moved", "adopted"),
    "removed": (change_rows.REMOVED, "{} gone", "{} gone", "uninstalled"),
    "missing": (change_rows.REMOVED, "{} missing for now", "{} missing for now", "load_errors"),
    "errors": (change_rows.ERROR, "{} error", "{} errors", "load_errors"),
    "errors_resolved": (change_rows.ADDED, "{} fixed", "{} fixed", "resolved"),
    "misfits": (change_rows.ERROR, "{} schedule will fail", "{} schedules will fail", "misfits"),
    "schedules_off": (change_rows.REMOVED, "{} schedule off", "{} schedules off", "suspended"),
    "others_off": (change_rows.REMOVED, "{} hook or button off", "{} hooks and buttons off", "suspended"),
    "restored": (change_rows.ADDED, "{} on again", "{} on again", "restored"),
    "drifted": (change_rows.CHANGED, "{} drifts", "{} drift", "drifted"),
    "overrides_ended": (change_rows.CHANGED, "{} override ends", "{} overrides end", "overrides_ended"),
}


@dataclass(frozen=True)
class PartOfBar:
    """One number of the bar above the plan: its sign, the number with its word, and the group that it leads to."""

    mark: str
    text: str
    group: str

    @property
    def colour(self) -> str:
        """The colour that goes with its sign."""
        return change_rows.COLOURS[self.mark]

    @property
    def sign(self) -> str:
        """The sign before the number, as far as it says anything there."""
        return "" if self.mark == change_rows.ERROR else self.mark


def summary(plan: ShownPlan, found: changes.Grouped) -> list[PartOfBar]:
    """Return the numbers of the bar above the plan; what there is none of is left out."""
    gone = [entry for entry in plan.changes if entry.get("action") == "uninstall"]
    removed = sum(entry.get("absence") == "removed" for entry in gone)
    off = [entry["dependents"]["suspended"] for entry in plan.changes if "suspended" in (entry.get("dependents") or {})]
    schedules = sum(numbers["schedules"] for numbers in off)
    counts = {
        **plan.counts,
        "removed": removed,
        "missing": len(gone) - removed,
        "errors": plan.counts["errors_opened"] + plan.counts["errors_updated"],
        "schedules_off": schedules,
        "others_off": plan.counts["suspended"] - schedules,
    }
    there = {group.key for group in found}
    return [
        PartOfBar(mark, sentences.one_or_many(counts[name], one, many), group if group in there else "")
        for name, (mark, one, many, group) in PARTS_OF_BAR.items()
        if counts[name]
    ]
