"""To turn a job on, or its sensitive variables off, takes here what it takes in core (rule 17)."""

from django.urls import reverse
from nautobot.extras.models import Job
from nautobot.users.models import Token

from nautobot_job_registry.models import RegisteredJob
from tests import test_job_forms
from tests.support import grant

# What may be changed in core, the decision, and whether core lets it pass.
CASES = (
    ({"enabled": False}, {"enabled": True}, False),
    ({"enabled": False}, {"hidden": True}, True),
    ({"has_sensitive_variables": True}, {"has_sensitive_variables": False}, False),
    ({"has_sensitive_variables": True}, {"enabled": True}, True),
    ({}, {"has_sensitive_variables": False}, True),
)


def body(decision):
    """Return a decision with its flags."""
    return {**decision, **{f"{name}_override": True for name in decision if name != "enabled"}}


class DecisionRightsTestCase(test_job_forms.FormTestCase):
    def setUp(self):
        super().setUp()
        self.headers = {"Authorization": f"Token {Token.objects.create(user=self.user).key}"}

    def try_each(self, send):
        """Send each decision with the constraints of its case, and see that both sides say what core would."""
        for constraints, decision, passes in CASES:
            with self.subTest(constraints=constraints, decision=decision):
                job = RegisteredJob.objects.get(pk=self.job.pk)
                job.enabled = job.hidden_override = job.has_sensitive_variables_override = False
                job.save()
                self.restrict((RegisteredJob, ("view", "change"), None), (Job, ("change",), constraints or None))
                send(decision, passes)
                for side in (RegisteredJob.objects.get(pk=job.pk), Job.objects.get(pk=job.core_job_id)):
                    for name, value in decision.items():
                        self.assertEqual(getattr(side, name) == value, passes, name)
                self.user.object_permissions.all().delete()

    def request(self, url, data):
        options = {"content_type": "application/json", "headers": self.headers}
        return self.client_class().patch(f"/api/plugins/job-registry/registered-jobs/{url}", data, **options)

    def test_through_rest(self):
        def send(decision, passes):
            self.assertEqual(self.request(f"{self.job.pk}/", body(decision)).status_code, 200 if passes else 403)

        self.try_each(send)

    def test_through_rest_in_bulk(self):
        def send(decision, passes):
            response = self.request("", [{"id": str(self.job.pk), **body(decision)}])
            self.assertEqual(response.status_code, 200 if passes else 403)

        self.try_each(send)

    def test_through_the_form(self):
        def send(decision, passes):
            data = {name: str(value) for name, value in body(decision).items()}
            url = reverse(f"{test_job_forms.ROUTE}_edit", kwargs={"pk": self.job.pk})
            self.assertEqual(self.client.post(url, data).status_code, 302 if passes else 200)

        self.try_each(send)


class BulkRightsTestCase(test_job_forms.BulkTestCase):
    def test_in_a_bulk_edit_all_or_none(self):
        grant(self.user, RegisteredJob, ["view", "change"])
        grant(self.user, Job, ["change"], {"has_sensitive_variables": True})
        decision = {"has_sensitive_variables": False, "has_sensitive_variables_override": True}
        self.assertEqual(self.edit([self.job, self.other], **decision).status, "FAILURE")
        self.assertEqual(self.edit([self.job, self.other], enabled=True).status, "SUCCESS")
        for job in (self.job, self.other):
            core = Job.objects.get(pk=job.core_job_id)
            self.assertEqual((core.enabled, core.has_sensitive_variables), (True, True))
