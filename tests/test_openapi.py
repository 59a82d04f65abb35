"""Our part of the OpenAPI document, and whether the REST API keeps to it whatever it is sent."""

from copy import deepcopy
from functools import cache
from unittest import mock

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, seed, settings
from nautobot.apps.testing import TransactionTestCase
from nautobot.users.models import Token
from rest_framework.settings import api_settings
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as openapi_checks

from nautobot_job_registry.factory import empty_registry
from tests import builders

ROOT = "/api/plugins/job-registry/"
PREFIX = "/plugins/job-registry/"
EXAMPLES = 25
SEED = 20260101
PARTS = 8
HOST = "nautobot.example.com"
# Nautobot's own action: with an ID that is none, or as CSV, it fails in its own code.
NOT_OURS = "/notes/"
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@cache
def document():
    """Return the part of Nautobot's OpenAPI document that is about the registry."""
    generator = SchemaGenerator(api_version=api_settings.DEFAULT_VERSION)
    initialise = generator._initialise_endpoints

    def initialise_ours():
        initialise()
        generator.endpoints = [endpoint for endpoint in generator.endpoints if endpoint[0].startswith(ROOT)]

    with mock.patch.object(generator, "_initialise_endpoints", initialise_ours):
        return generator.get_schema(request=None, public=True)


class DescribedTestCase(TransactionTestCase):
    """With a row of each kind, and a user who may do everything with it."""

    def setUp(self):
        super().setUp()
        empty_registry()
        self.objects = {
            "registered-jobs": builders.job(1, time_limit=5, time_limit_override=True),
            "job-revisions": builders.revision(builders.job(2, installed=False, absence="removed")),
            "field-overrides": builders.override(3),
            "job-runs": builders.run(1),
            "job-schedules": builders.schedule(1),
            "load-errors": builders.load_error(1),
            "reconciliations": builders.reconciliation(1),
            "suspensions": builders.suspension(1),
        }
        self.user.is_superuser = True
        self.user.save()
        self.headers = {"Authorization": f"Token {Token.objects.create(user=self.user).key}", "Host": HOST}

    def operations(self):
        schema = schemathesis.openapi.from_dict(deepcopy(document()))
        schema.app = get_wsgi_application()
        return [result.ok() for result in schema.get_all_operations()]


class OpenApiTestCase(DescribedTestCase):
    def test_every_operation_says_what_it_does_in_the_words_of_who_uses_it(self):
        for path, operations in document()["paths"].items():
            for method, operation in operations.items():
                with self.subTest(path=path, method=method):
                    said = operation.get("description", "")
                    self.assertTrue(said)
                    for words in ("rule ", "rules ", "REST view set", "view set of"):
                        self.assertNotIn(words, said)

    def test_every_address_is_described(self):
        paths = {operation.path for operation in self.operations()}
        names = {path.removeprefix(PREFIX).split("/")[0] for path in paths}
        self.assertEqual(names, set(self.objects))
        for tail in ("reset-overrides", "deletion-impact", "adopt", "dismiss-predecessor", "notes"):
            self.assertIn(f"{PREFIX}registered-jobs/{{id}}/{tail}/", paths)
        for tail in ("keep", "follow", "{id}/keep", "{id}/follow"):
            self.assertIn(f"{PREFIX}field-overrides/{tail}/", paths)
        self.assertIn(f"{PREFIX}job-revisions/{{id}}/diff/", paths)


class AnswersTestCase(DescribedTestCase):
    """No answer is an error of ours or outside its schema; in parts that run beside each other."""

    def try_out_part(self, number):
        for operation in self.operations()[number::PARTS]:
            for mode in () if operation.path.endswith(NOT_OURS) else MODES:
                with self.subTest(operation=operation.label, mode=mode.value):
                    self.try_out(operation, mode)

    def try_out(self, operation, mode):
        known = str(self.objects[operation.path.removeprefix(PREFIX).split("/")[0]].pk)

        @seed(SEED)
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case):
            if case.path_parameters and mode is GenerationMode.POSITIVE:
                case.path_parameters["id"] = known
            response = case.call(headers=self.headers)
            case.validate_response(
                response,
                checks=[
                    checks.not_a_server_error,
                    openapi_checks.status_code_conformance,
                    openapi_checks.content_type_conformance,
                    openapi_checks.response_schema_conformance,
                ],
            )

        send()


def part(number):
    """Return the test of a part of the operations."""

    @pytest.mark.slow
    @pytest.mark.minutes
    def test(self):
        self.try_out_part(number)

    return test


for number in range(PARTS):
    setattr(AnswersTestCase, f"test_no_answer_is_an_error_of_ours_or_outside_its_schema_part_{number}", part(number))
