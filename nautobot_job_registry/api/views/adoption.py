"""REST actions of registered jobs about what they were before (rule 21)."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.response import Response

from nautobot_job_registry.api.bodies import AdoptionSerializer, DismissalSerializer
from nautobot_job_registry.api.mixins import ChangePermissions, Conflict
from nautobot_job_registry.api.serializers import RegisteredJobSerializer
from nautobot_job_registry.core_bridge import permissions
from nautobot_job_registry.lifecycle.moves import adopting

ANSWERS = {
    200: RegisteredJobSerializer,
    400: OpenApiResponse(OpenApiTypes.OBJECT, description="A member is wrong; it is named."),
    409: OpenApiResponse(OpenApiTypes.OBJECT, description="The state of one of the two jobs forbids it: the reason."),
}


class AdoptionMixin:
    """A job adopts the past of the job that it was before, or says that it was not."""

    @extend_schema(request=AdoptionSerializer, responses=ANSWERS)
    @action(
        detail=True, methods=["post"], url_path="adopt", filterset_class=None, permission_classes=[ChangePermissions]
    )
    def adopt(self, request, *args, **kwargs):
        """Take over the runs, schedules, hooks, buttons, revisions and decisions of a removed job, and delete it."""
        job = self.get_object()
        body = AdoptionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            predecessor = adopting.predecessor_of(job, body.validated_data["predecessor"], request.user)
            adopting.adopt_past(job, predecessor, request.user)
        except adopting.UnknownPredecessorError as error:
            raise ValidationError({"predecessor": [str(error)]}) from error
        except adopting.AdoptionError as error:
            raise Conflict(str(error)) from error
        except permissions.NotPermittedError as error:
            raise PermissionDenied(str(error)) from error
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=DismissalSerializer, responses=ANSWERS)
    @action(
        detail=True,
        methods=["post"],
        url_path="dismiss-predecessor",
        filterset_class=None,
        permission_classes=[ChangePermissions],
    )
    def dismiss_predecessor(self, request, *args, **kwargs):
        """Say that the job has not been the one that is proposed: that is not proposed again."""
        job = self.get_object()
        DismissalSerializer(data=request.data).is_valid(raise_exception=True)
        try:
            adopting.dismiss_proposal(job)
        except adopting.AdoptionError as error:
            raise Conflict(str(error)) from error
        return Response(self.get_serializer(job).data)
