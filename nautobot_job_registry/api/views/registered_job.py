"""REST view set of registered jobs: read, override, revert, delete."""

from __future__ import annotations

from typing import Any, NoReturn

from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from nautobot.apps.api import NautobotModelViewSet
from nautobot.core.api.serializers import BulkOperationSerializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import MethodNotAllowed, PermissionDenied
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from nautobot_job_registry import filters, models
from nautobot_job_registry.api.bodies import (
    AdoptionSerializer,
    DeletionImpactSerializer,
    DismissalSerializer,
    ResetOverridesSerializer,
)
from nautobot_job_registry.api.job_requests import MADE_BY_RECONCILING
from nautobot_job_registry.api.mixins import ChangePermissions, RegistryViewSetMixin
from nautobot_job_registry.api.serializers import RegisteredJobSerializer
from nautobot_job_registry.core_bridge import locks
from nautobot_job_registry.core_bridge.permissions import require_still_permitted, withheld
from nautobot_job_registry.engine.fields import override_flag
from nautobot_job_registry.lifecycle import deletion
from nautobot_job_registry.lifecycle.moves import adopting

CHANGING_ACTIONS = ("reset_overrides", "adopt", "dismiss_predecessor")
NOT_FOUND = "There is no registered job with this ID that you may {action}."
NOT_AN_OBJECT = "Send one JSON object: a list is for the address of the list."
NOT_A_LIST = "Send a list of JSON objects, each with the `id` of a registered job."

ANSWERS_TO_ADOPTION = {
    200: RegisteredJobSerializer,
    400: OpenApiResponse(OpenApiTypes.OBJECT, description="A member is wrong; it is named."),
    409: OpenApiResponse(OpenApiTypes.OBJECT, description="The state of one of the two jobs forbids it: the reason."),
}


class RegisteredJobViewSet(RegistryViewSetMixin, NautobotModelViewSet):
    """Registered jobs; a change of many is done as a whole or not at all."""

    queryset = models.RegisteredJob.objects.select_related("current_revision", "default_job_queue").defer(
        "current_revision__source_code"
    )
    serializer_class = RegisteredJobSerializer
    filterset_class = filters.RegisteredJobFilterSet

    def get_permissions(self) -> list[BasePermission]:
        """Ask for no right to add, which nobody can use: the answer is the same for all."""
        return [IsAuthenticated()] if self.action == "create" else super().get_permissions()

    def get_queryset(self) -> QuerySet:
        """Read the queues too, which are among the overrides."""
        return super().get_queryset().prefetch_related("job_queues")

    def restrict_queryset(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Restrict the actions that change a record, and are a POST, to those who may change it."""
        if self.action in CHANGING_ACTIONS:
            self.queryset = self.queryset.restrict(request.user, "change")
        else:
            super().restrict_queryset(request, *args, **kwargs)

    @extend_schema(exclude=True)
    def create(self, request: Request, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: jobs are registered by reconciling."""
        raise MethodNotAllowed("POST", detail=MADE_BY_RECONCILING)

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change a registered job (rules 13 to 15)."""
        if not isinstance(request.data, dict):
            raise serializers.ValidationError({"detail": NOT_AN_OBJECT})
        serializer = self.get_serializer(self.get_object(), data=request.data, partial=kwargs.get("partial", False))
        serializer.is_valid(raise_exception=True)
        self.perform_update(serializer)
        return Response(serializer.data)

    def perform_update(self, serializer: RegisteredJobSerializer) -> None:
        """Save the record, and see that core's row is still the user's to change (rule 17)."""
        try:
            with transaction.atomic():
                self._validate_objects(serializer.save())
                if serializer.decides:
                    require_still_permitted(self.request.user, [serializer.instance])
        except ObjectDoesNotExist as error:
            raise PermissionDenied from error

    def bulk_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change many registered jobs: all of them, or none (rules 13 to 15)."""
        bodies = _bodies_by_id(request.data)
        jobs = self._jobs(bodies, "change")
        context = {**self.get_serializer_context(), "withheld": withheld(request.user, "change", jobs.values())}
        errors, decided = [], []
        with transaction.atomic():
            core = (job.core_job_id for job in jobs.values() if job.core_job_id)
            locks.Rows(frozenset(core), frozenset(job.pk for job in jobs.values())).lock_alone()
            for pk, body in bodies.items():
                serializer = self.get_serializer_class()(
                    jobs[pk], data=body, partial=kwargs.get("partial", False), context=context
                )
                if serializer.is_valid():
                    serializer.save()
                    decided += [jobs[pk]] if serializer.decides else []
                else:
                    errors.append({"id": pk, **serializer.errors})
            if errors:
                raise serializers.ValidationError(errors)
            require_still_permitted(request.user, decided)
            try:
                self._validate_objects(list(jobs.values()))
            except ObjectDoesNotExist as error:
                raise PermissionDenied from error
        return Response(self.get_serializer(list(self._jobs(bodies, "change").values()), many=True).data)

    def _validate_objects(self, instance: models.RegisteredJob | list[models.RegisteredJob]) -> None:
        """Ask for what has been written only where the user's right has constraints that it may not fulfil any more."""
        if self.queryset.query.has_filters():
            super()._validate_objects(instance)

    def perform_destroy(self, instance: models.RegisteredJob) -> None:
        """Delete the record of an uninstalled job (rule 19)."""
        deletion.delete_records([instance], self.request.user)

    def perform_bulk_destroy(self, objects: QuerySet) -> None:
        """Delete the records of uninstalled jobs: all of them, or none (rule 19)."""
        deletion.delete_records(list(objects), self.request.user)

    @extend_schema(request=BulkOperationSerializer(many=True))
    def bulk_destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete many registered jobs: all of them, or none."""
        self._jobs(_bodies_by_id(request.data), "delete")
        return super().bulk_destroy(request, *args, **kwargs)

    def _jobs(self, bodies: dict[str, Any], what: str) -> dict[str, models.RegisteredJob]:
        """Return the records of a request by their ID, in its order."""
        found = {str(job.pk): job for job in self.get_queryset().filter(pk__in=bodies)}
        missing = [{"id": [f"{pk}: {NOT_FOUND.format(action=what)}"]} for pk in bodies if pk not in found]
        if missing:
            raise serializers.ValidationError(missing)
        return {pk: found[pk] for pk in bodies}

    @extend_schema(request=ResetOverridesSerializer, responses={200: RegisteredJobSerializer})
    @action(
        detail=True,
        methods=["post"],
        url_path="reset-overrides",
        filterset_class=None,
        permission_classes=[ChangePermissions],
    )
    def reset_overrides(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Clear the flags of all fields, or of those that are named, so that they say what the source says."""
        job = self.get_object()
        body = ResetOverridesSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        fields = body.validated_data.get("fields") or job.overridden_fields
        flags = {override_flag(field): False for field in fields}
        serializer = self.get_serializer(job, data=flags, partial=True)
        serializer.is_valid(raise_exception=True)
        self.perform_update(serializer)
        return Response(serializer.data)

    @extend_schema(responses={200: DeletionImpactSerializer}, filters=False)
    @action(detail=True, methods=["get"], url_path="deletion-impact", filterset_class=None, pagination_class=None)
    def deletion_impact(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Say what the deletion of the record would unlink, and what Nautobot would delete with it (rule 19)."""
        return Response(DeletionImpactSerializer(deletion.deletion_impact([self.get_object()], request.user)).data)

    @extend_schema(request=AdoptionSerializer, responses=ANSWERS_TO_ADOPTION)
    @action(
        detail=True, methods=["post"], url_path="adopt", filterset_class=None, permission_classes=[ChangePermissions]
    )
    def adopt(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take over the runs, schedules, hooks, buttons, revisions and decisions of a removed job, and delete it."""
        job = self.get_object()
        body = AdoptionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        predecessor = adopting.predecessor_of(job, body.validated_data["predecessor"], request.user)
        adopting.adopt_past(job, predecessor, request.user)
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=DismissalSerializer, responses=ANSWERS_TO_ADOPTION)
    @action(
        detail=True,
        methods=["post"],
        url_path="dismiss-predecessor",
        filterset_class=None,
        permission_classes=[ChangePermissions],
    )
    def dismiss_predecessor(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Say that the job has not been the one that is proposed: that is not proposed again."""
        job = self.get_object()
        DismissalSerializer(data=request.data).is_valid(raise_exception=True)
        adopting.dismiss_proposal(job)
        return Response(self.get_serializer(job).data)


def _bodies_by_id(data: Any) -> dict[str, dict[str, Any]]:
    """Return the bodies of a bulk request by the ID of their record.

    Raises:
        ValidationError: If it is no list of objects, an ID is missing or none, or one comes twice.
    """
    if not isinstance(data, list):
        raise serializers.ValidationError({"detail": NOT_A_LIST})
    bodies: dict[str, dict[str, Any]] = {}
    errors = []
    for number, body in enumerate(data):
        pk = _id(body)
        if pk is None:
            errors.append({"id": [f"Object {number} of the list has no `id` that is the ID of a registered job."]})
        elif pk in bodies:
            errors.append({"id": [f"{pk} comes twice in the list."]})
        else:
            bodies[pk] = {name: value for name, value in body.items() if name != "id"}
    if errors:
        raise serializers.ValidationError(errors)
    return bodies


def _id(body: Any) -> str | None:
    try:
        return str(serializers.UUIDField().to_internal_value(body["id"]))
    except (KeyError, TypeError, serializers.ValidationError):
        return None
