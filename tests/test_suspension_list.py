"""What is suspended, found by filters, REST and GraphQL, at a cost that does not grow."""

from django.contrib.contenttypes.models import ContentType
from django.urls import reverse
from nautobot.apps.graphql import execute_query
from nautobot.apps.testing import TestCase
from nautobot.users.models import Token

from nautobot_job_registry.factory import SuspensionFactory, empty_registry
from nautobot_job_registry.filters import SuspensionFilterSet
from nautobot_job_registry.models import Suspension
from tests import builders
from tests.support import counted_statements

LIST = reverse("plugins-api:nautobot_job_registry-api:suspension-list")


class SuspensionListTestCase(TestCase):
    @classmethod
    def setUpTestData(cls):
        empty_registry()
        hook = ContentType.objects.get_by_natural_key("extras", "jobhook")
        cls.open_schedule = builders.suspension(1)
        cls.open_hook = builders.suspension(
            2, object_type=hook, object_name="A hook", reason="load_error", origin="core"
        )
        cls.ended = builders.suspension(3, outcome="restored", restored_at=builders.moment(9))

    def setUp(self):
        super().setUp()
        self.user.is_superuser = True
        self.user.save()
        self.headers = {"Authorization": f"Token {Token.objects.create(user=self.user).key}"}

    def found(self, **parameters):
        filterset = SuspensionFilterSet(parameters, Suspension.objects.all())
        self.assertTrue(filterset.is_valid(), filterset.errors)
        return set(filterset.qs)

    def test_filters(self):
        first, second, third = self.open_schedule, self.open_hook, self.ended
        for parameters, expected in (
            ({"outcome": ["suspended"]}, {first, second}),
            ({"object_type": ["jobhook"]}, {second}),
            ({"reason": ["load_error"]}, {second}),
            ({"origin": ["registry"]}, {first, third}),
            ({"class_path": [first.class_path]}, {first}),
            ({"job": [str(third.job.pk)]}, {third}),
            ({"job": [second.job.name]}, {second}),
            ({"q": "a hook"}, {second}),
            ({"q": first.class_path}, {first}),
            ({"suspended_after": builders.moment(2).isoformat()}, {second, third}),
            ({"suspended_before": builders.moment(2).isoformat()}, {first, second}),
            ({"object_id": [str(first.object_id)]}, {first}),
        ):
            with self.subTest(parameters=parameters):
                self.assertEqual(self.found(**parameters), expected)

    def test_rest_tells_what_was_switched_off_and_why(self):
        [row] = self.client.get(LIST, {"reason": "load_error"}, headers=self.headers).json()["results"]
        self.assertEqual((row["object_type"], row["object_name"]), ("extras.jobhook", "A hook"))
        self.assertEqual((row["reason"], row["origin"], row["outcome"]), ("load_error", "core", "suspended"))
        self.assertEqual(row["previous_state"], {"enabled": True, "state": "active"})

    def test_graphql_tells_what_is_suspended(self):
        query = '{ suspensions(outcome: ["suspended"]) { object_name class_path job { name } } }'
        result = execute_query(query, user=self.user)
        self.assertIsNone(result.errors)
        expected = [
            {"object_name": row.object_name, "class_path": row.class_path, "job": {"name": row.job.name}}
            for row in (self.open_hook, self.open_schedule)
        ]
        self.assertEqual(result.data["suspensions"], expected)

    def test_lists_cost_the_same_for_many_rows(self):
        SuspensionFactory.create_batch(40)
        page = reverse("plugins:nautobot_job_registry:suspension_list")
        for url, options in ((f"{LIST}?limit=", self.headers), (f"{page}?per_page=", {"HX-Request": "true"})):
            with self.subTest(url=url):
                self.client.get(f"{url}1", headers=options)
                counts = []
                for rows in (2, 40):
                    with counted_statements() as statements:
                        response = self.client.get(f"{url}{rows}", headers=options)
                    self.assertEqual(response.status_code, 200)
                    counts.append(len(statements))
                self.assertEqual(counts[0], counts[1])
                self.assertLessEqual(counts[0], 15)
