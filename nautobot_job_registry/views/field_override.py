"""Pages of field overrides: what an operator looks at before an upgrade, and what is done about drift."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from nautobot.apps.utils import get_route_for_model
from rest_framework.decorators import action

from nautobot_job_registry import filters, forms, models, tables
from nautobot_job_registry.api import serializers
from nautobot_job_registry.core_bridge.permissions import WithheldError
from nautobot_job_registry.history.values import one_line, value_text
from nautobot_job_registry.overrides import drift, terms
from nautobot_job_registry.views.base import RecordUIViewSet
from nautobot_job_registry.views.details import field_override, registered_job
from nautobot_job_registry.views.details.ends import ends_note
from nautobot_job_registry.views.details.field_override import may_change_job

MAX_SHOWN = 50
# Of a value, in a message.
MAX_TOLD = 80


class FieldOverrideUIViewSet(RecordUIViewSet):
    """Pages of field overrides; an override is made and changed on its job, and kept or cleared here."""

    filterset_class = filters.FieldOverrideFilterSet
    filterset_form_class = forms.FieldOverrideFilterForm
    object_detail_content = field_override.FIELD_OVERRIDE
    queryset = models.FieldOverride.objects.select_related("job__current_revision", "set_by").defer(
        "job__current_revision__source_code"
    )
    serializer_class = serializers.FieldOverrideSerializer
    table_class = tables.FieldOverrideTable

    def get_extra_context(self, request: HttpRequest, instance: models.FieldOverride | None = None) -> dict[str, Any]:
        """Say in the list whether the user may decide about overrides: that is a right on registered jobs."""
        context = super().get_extra_context(request, instance)
        if self.action == "list":
            may_decide = request.user.has_perm("nautobot_job_registry.change_registeredjob")
            context["list_permissions"] = {"change": may_decide, "delete": False}
        return context

    @action(detail=True, methods=["get", "post"], custom_view_base_action="view")
    def keep(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Keep an override against what the source says now."""
        return self._keep(self._chosen_one())

    @action(detail=True, methods=["get", "post"], custom_view_base_action="view")
    def follow(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Clear an override, once that is confirmed."""
        return self._follow(self._chosen_one())

    @action(
        detail=False, methods=["get", "post"], url_path="keep", url_name="bulk_keep", custom_view_base_action="view"
    )
    def bulk_keep(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Keep many overrides against what the source says now."""
        return self._keep(self.chosen_rows())

    @action(
        detail=False, methods=["get", "post"], url_path="follow", url_name="bulk_follow", custom_view_base_action="view"
    )
    def bulk_follow(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Clear many overrides, once that is confirmed."""
        return self._follow(self.chosen_rows())

    @action(detail=True, methods=["get", "post"], custom_view_base_action="view")
    def terms(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Say why an override was made, and when it ends by itself, with what is stored to begin with."""
        override = self.get_object()
        if not may_change_job(request.user, override.job):
            raise PermissionDenied(f"You have not the right to change the registered job {override.job}.")
        stored = {"override_reason": override.reason, "override_expires_at": override.expires_at}
        form = forms.OverrideTermsForm(request.POST or None, initial=stored)
        if request.method == "POST" and form.is_valid() and self._set_terms(override, form):
            messages.success(request, "Reason and end of the override are stored.")
            return redirect(override.get_absolute_url())
        context = {
            "title": "Edit reason and end",
            "override": override,
            "form": form,
            "ends": ends_note(request.user),
            "return_url": override.get_absolute_url(),
        }
        return render(request, "nautobot_job_registry/fieldoverride_terms.html", context)

    def _set_terms(self, override: models.FieldOverride, form: forms.OverrideTermsForm) -> bool:
        said = form.cleaned_data
        try:
            terms.set_terms(
                override, self.request.user, reason=said["override_reason"], expires_at=said["override_expires_at"]
            )
        except WithheldError as error:
            form.add_error(None, str(error))
        except ValidationError as error:
            for name, texts in error.message_dict.items():
                form.add_error(name if name in form.fields else None, texts)
        return not form.errors

    def _chosen_one(self) -> QuerySet:
        return self.get_queryset().filter(pk=self.get_object().pk)

    def _keep(self, chosen: QuerySet) -> HttpResponse:
        overrides = list(chosen)
        if self.request.method != "POST":
            route = get_route_for_model(models.FieldOverride, "list")
            return redirect(overrides[0].get_absolute_url() if overrides else reverse(route))
        return self._decide(drift.keep_overrides, overrides, "{} kept: drifted no more until the source changes again.")

    def _follow(self, chosen: QuerySet) -> HttpResponse:
        overrides = list(chosen)
        if overrides and not self.request.POST.get("_confirm"):
            return self._confirmation(overrides)
        told = "{} removed: the fields say what the code says."
        if len(overrides) == 1:
            [override] = overrides
            said, now = (one_line(text, MAX_TOLD) for text in _values(override))
            told = f"{{}} removed: {override.get_field_display()} said {said}, and says {now} now."
        return self._decide(drift.follow_source, overrides, told)

    def _decide(self, decide: Callable[..., int], overrides: list[Any], told: str) -> HttpResponse:
        """Do what is asked for, and say how it went; where nothing was chosen, nothing is done."""
        request, back = self.request, self._way_back(overrides)
        if not overrides:
            messages.warning(request, "No overrides were selected.")
            return redirect(back)
        try:
            changed = decide(overrides, request.user)
        except (WithheldError, drift.TooManyError) as error:
            messages.error(request, str(error))
        except ValidationError as error:
            messages.error(request, "; ".join(error.messages))
        else:
            messages.success(request, told.replace("{}", f"{changed} override{'' if changed == 1 else 's'}", 1))
        return redirect(back)

    def _confirmation(self, overrides: list[Any]) -> HttpResponse:
        """Ask whether overrides are to be cleared, and show what the fields would say."""
        takes_all = self.request.POST.get("_all")
        context = {
            "title": "Remove override",
            "overrides": [(override, _values(override)) for override in overrides[:MAX_SHOWN]],
            "more": max(0, len(overrides) - MAX_SHOWN),
            "hidden": [("_all", takes_all)] if takes_all else [("pk", override.pk) for override in overrides],
            "return_url": self._way_back(overrides),
        }
        return render(self.request, "nautobot_job_registry/fieldoverride_follow.html", context)

    def _way_back(self, overrides: list[Any]) -> str:
        """Return where the user came from; from the page of an override that may be gone, to its job."""
        url = self.request.POST.get("return_url", "")
        if url_has_allowed_host_and_scheme(url, allowed_hosts=self.request.get_host()):
            return url
        if "pk" in self.kwargs:
            return overrides[0].job.get_absolute_url()
        return reverse(get_route_for_model(models.FieldOverride, "list"))


def _values(override: models.FieldOverride) -> tuple[str, str]:
    """Return what a field says with its override, and without."""
    said = override.job.source_values
    now = value_text(said[override.field]) if override.field in said else registered_job.UNKNOWN
    return value_text(override.value), now
