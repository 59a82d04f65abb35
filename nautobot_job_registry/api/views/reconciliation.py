"""REST view set of reconciliations: their log, and the asking for one."""

import logging
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from nautobot.apps.api import ReadOnlyModelViewSet
from rest_framework import status
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from nautobot_job_registry import filters, models
from nautobot_job_registry.api import bodies, serializers
from nautobot_job_registry.api.mixins import RegistryViewSetMixin, Unavailable
from nautobot_job_registry.core_bridge import own_jobs, permissions
from nautobot_job_registry.engine.errors import UnknownSourceError
from nautobot_job_registry.engine.text import failure_text, log_text
from nautobot_job_registry.reconcile import on_request, shown_plans
from nautobot_job_registry.reconcile.plan import Plan

logger = logging.getLogger(__name__)


class ReconciliationViewSet(RegistryViewSetMixin, ReadOnlyModelViewSet):
    """REST view set of reconciliations: what was logged is never changed, and a new one can be asked for."""

    queryset = models.Reconciliation.objects.select_related("job_result")
    serializer_class = serializers.ReconciliationSerializer
    filterset_class = filters.ReconciliationFilterSet
    http_method_names = ["get", "post", "head", "options"]
    parser_classes = [JSONParser]

    @extend_schema(
        request=bodies.ReconcileRequestSerializer,
        responses={
            200: OpenApiResponse(
                bodies.ReconcilePlanSerializer,
                description="The plan of a dry run; nothing was written.",
            ),
            202: OpenApiResponse(
                bodies.ReconcileBegunSerializer,
                description="A worker reconciles; its run tells how it goes.",
            ),
            400: OpenApiResponse(
                OpenApiTypes.OBJECT, description="The body or the source is not known; the members are named."
            ),
            403: OpenApiResponse(
                bodies.RefusalSerializer,
                description="A right is missing, or the job may not be run now: the reason is told.",
            ),
            503: OpenApiResponse(
                bodies.RefusalSerializer,
                description="No worker listens to the default queue of the job, or the plan cannot be made.",
            ),
        },
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Plan a reconcile, or have a worker reconcile: in the name of the user, as a run of the app's own job."""
        body = bodies.ReconcileRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return self.answer(request, **body.validated_data)

    def answer(self, request: Request, source: str, dry_run: bool, plan_digest: str | None) -> Response:
        """Return the plan, or the run that was begun."""
        if dry_run:
            plan = shown_plans.shown(self.plan(request.user, source), source or on_request.ALL)
            shown_plans.keep(plan, request.user)
            found = {"counts": plan.counts, "changes": plan.changes, "plan_digest": plan.digest}
            return Response({"dry_run": True, "source": source, **found})
        run = on_request.begin_on_request(request.user, source, plan_digest=plan_digest or "")
        serializer = bodies.ReconcileBegunSerializer(
            {"dry_run": False, "source": source, "job_result": run}, context=self.get_serializer_context()
        )
        return Response(serializer.data, status=status.HTTP_202_ACCEPTED)

    def plan(self, user: Any, source: str) -> Plan:
        """Return the plan of a dry run; where the code of a job makes it fail, that is not an error of the request."""
        try:
            return on_request.plan_on_request(user, source)
        except (own_jobs.NotBegunError, permissions.NotPermittedError, UnknownSourceError):
            raise
        except Exception as error:
            logger.error("The plan of %s failed.\n%s", log_text(source), failure_text(error))
            raise Unavailable(f"The plan failed. {type(error).__name__}: {log_text(str(error))}") from error
