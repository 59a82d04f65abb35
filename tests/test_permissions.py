"""Who may do what: every page and address × every kind of right × a row of one's own and another."""

from dataclasses import dataclass

import pytest
from django.db import transaction
from django.urls import get_resolver, reverse
from nautobot.apps.testing import TestCase
from nautobot.extras.models import Note, ObjectChange
from nautobot.users.models import ObjectPermission, Token

from nautobot_job_registry.factory import empty_registry
from nautobot_job_registry.models import (
    FieldOverride,
    JobLoadError,
    JobRevision,
    JobRun,
    JobSchedule,
    Reconciliation,
    RegisteredJob,
    Suspension,
)
from tests import builders
from tests.support import grant

UI = "plugins:nautobot_job_registry"
API = "plugins-api:nautobot_job_registry-api"
CONSTRAINTS = {
    RegisteredJob: {"source_type": "git"},
    JobRevision: {"job__source_type": "git"},
    FieldOverride: {"job__source_type": "git"},
    JobRun: {"job__source_type": "git"},
    JobSchedule: {"job__source_type": "git"},
    JobLoadError: {"source_type": "git"},
    Reconciliation: {"scope": "app:app_1"},
    Suspension: {"job__source_type": "git"},
}
RIGHTS = ((), ("view",), ("change",), ("delete",), ("view", "change", "delete"))
FORBIDDEN, NOT_FOUND, WRONG, CONFLICT = 403, 404, 400, 409


@dataclass(frozen=True)
class Act:
    """One thing that a user can ask for.

    Attributes:
        route: The name of the route.
        method: The method of HTTP.
        model: Of what.
        right: The action that the right has to grant.
        good: The status where the right is there.
        other: The status where it is there, but not for this row.
        body: What makes the body of a request from a row.
    """

    route: str
    method: str
    model: type
    right: str
    good: int = 200
    other: int = NOT_FOUND
    body: object = None

    def __str__(self):
        return f"{self.method} {self.route}"


def one(row):
    return {"id": str(row.pk)}


def many(row):
    return [{"id": str(row.pk)}]


def nothing(row):
    return {}


def chosen(row):
    return {"pk": [str(row.pk)], "_edit": "1"}


def itself(row):
    return {"against": str(row.pk)}


def form(row):
    return {"confirm": "true"}


def read_only_acts():
    for model in (JobRevision, FieldOverride, JobRun, JobSchedule, JobLoadError, Reconciliation, Suspension):
        name = model._meta.model_name
        yield Act(f"{UI}:{name}_list", "get", model, "view", other=200)
        yield Act(f"{UI}:{name}", "get", model, "view")
        yield Act(f"{API}:{name}-list", "get", model, "view", other=200)
        yield Act(f"{API}:{name}-detail", "get", model, "view")


JOB = f"{UI}:registeredjob"
JOB_API = f"{API}:registeredjob"
ACTS = (
    *read_only_acts(),
    Act(f"{UI}:jobrevision_diff", "get", JobRevision, "view", body=itself),
    Act(f"{UI}:reconciliation_changes", "get", Reconciliation, "view", body=itself),
    Act(f"{API}:jobrevision-diff", "get", JobRevision, "view", body=itself),
    Act(f"{JOB}_list", "get", RegisteredJob, "view", other=200),
    Act(f"{JOB}_history", "get", RegisteredJob, "view"),
    Act(JOB, "get", RegisteredJob, "view"),
    Act(f"{JOB}_changelog", "get", RegisteredJob, "view"),
    Act(f"{JOB}_notes", "get", RegisteredJob, "view"),
    Act(f"{JOB}_runs", "get", RegisteredJob, "view"),
    Act(f"{JOB}_schedules", "get", RegisteredJob, "view"),
    Act(f"{JOB}_edit", "get", RegisteredJob, "change"),
    Act(f"{JOB}_edit", "post", RegisteredJob, "change", good=302, body=form),
    Act(f"{JOB}_delete", "get", RegisteredJob, "delete"),
    Act(f"{JOB}_delete", "post", RegisteredJob, "delete", good=302, body=form),
    Act(f"{JOB}_bulk_edit", "post", RegisteredJob, "change", other=302, body=chosen),
    Act(f"{JOB}_bulk_delete", "post", RegisteredJob, "delete", other=302, body=chosen),
    Act(f"{JOB}_adopt", "get", RegisteredJob, "change", good=302),
    Act(f"{JOB}_adopt", "post", RegisteredJob, "change", good=302, body=form),
    Act(f"{JOB}_dismiss_predecessor", "get", RegisteredJob, "change", good=302),
    Act(f"{JOB}_dismiss_predecessor", "post", RegisteredJob, "change", good=302, body=form),
    *(
        Act(f"{JOB}_{name}", method, RegisteredJob, "change", good=302, body=form if method == "post" else None)
        for name in ("enable", "disable")
        for method in ("get", "post")
    ),
    Act(f"{JOB_API}-list", "get", RegisteredJob, "view", other=200),
    Act(f"{JOB_API}-list", "put", RegisteredJob, "change", other=WRONG, body=many),
    Act(f"{JOB_API}-list", "patch", RegisteredJob, "change", other=WRONG, body=many),
    Act(f"{JOB_API}-list", "delete", RegisteredJob, "delete", good=204, other=WRONG, body=many),
    Act(f"{JOB_API}-detail", "get", RegisteredJob, "view"),
    Act(f"{JOB_API}-detail", "put", RegisteredJob, "change", body=one),
    Act(f"{JOB_API}-detail", "patch", RegisteredJob, "change", body=one),
    Act(f"{JOB_API}-detail", "delete", RegisteredJob, "delete", good=204, body=nothing),
    Act(f"{JOB_API}-reset-overrides", "post", RegisteredJob, "change", body=nothing),
    Act(f"{JOB_API}-adopt", "post", RegisteredJob, "change", good=CONFLICT, body=nothing),
    Act(f"{JOB_API}-dismiss-predecessor", "post", RegisteredJob, "change", good=CONFLICT, body=nothing),
    Act(f"{JOB_API}-deletion-impact", "get", RegisteredJob, "view"),
)
# Held elsewhere, or nobody's to forbid.
ELSEWHERE = {
    f"{UI}:docs": "a redirect to static files",
    f"{UI}:dashboard": "tests/test_dashboard.py",
    f"{UI}:reconcile_now": "tests/test_reconcile_now.py",
    f"{UI}:reconcile_now_part": "tests/test_reconcile_now.py",
    **{
        f"{root}:fieldoverride{mark}{action}": "tests/test_drift.py: it takes rights on the job"
        for root, marks in ((UI, ("_", "_bulk_")), (API, ("-", "-bulk-")))
        for mark in marks
        for action in ("keep", "follow")
    },
    f"{UI}:fieldoverride_terms": "tests/test_override_pages.py: it takes rights on the job",
    f"{API}:api-root": "a list of addresses",
    **dict.fromkeys(
        (
            f"{UI}:suspension_restore",
            f"{UI}:suspension_bulk_restore",
            f"{API}:suspension-restore",
            f"{API}:suspension-bulk-restore",
        ),
        "tests/test_restoring.py: rights on other objects",
    ),
    f"{JOB_API}-notes": "Nautobot's own",
}


def routes():
    """Yield the name of every route of the registry."""
    for namespace in (UI, API):
        resolver = get_resolver()
        for part in namespace.split(":"):
            _, resolver = resolver.namespace_dict[part]
        for name in resolver.reverse_dict:
            if isinstance(name, str):
                yield f"{namespace}:{name}"


class PermissionMatrixTestCase(TestCase):
    @classmethod
    def setUpTestData(cls):
        empty_registry()
        gone = {"installed": False, "absence": "removed", "hidden": True, "hidden_override": True}
        own = builders.job(1, source_type="git", **gone)
        other = builders.job(2, **gone)
        cls.rows = {
            RegisteredJob: (own, other),
            JobRevision: (builders.revision(own), builders.revision(other)),
            FieldOverride: (own.field_overrides.get(), other.field_overrides.get()),
            JobRun: (builders.run(1, job=own), builders.run(2, job=other)),
            JobSchedule: (builders.schedule(1, job=own), builders.schedule(2, job=other)),
            JobLoadError: (builders.load_error(1, source_type="git"), builders.load_error(2)),
            Reconciliation: (builders.reconciliation(1), builders.reconciliation(2)),
            Suspension: (builders.suspension(1, job=own), builders.suspension(2, job=other)),
        }

    def setUp(self):
        super().setUp()
        self.headers = {"Authorization": f"Token {Token.objects.create(user=self.user).key}"}

    def grant(self, model, rights, constraints):
        """Give rights on one model; the tabs of a page take those on others, too, which everybody has here."""
        ObjectPermission.objects.all().delete()
        tabs = [kind for kind in (Note, ObjectChange, JobRevision, JobRun, JobSchedule) if kind is not model]
        for kind, actions in ((model, rights), *((kind, ("view",)) for kind in tabs)):
            grant(self.user, kind, actions, constraints if kind is model else None)

    def answer(self, act, row):
        arguments = {} if "list" in act.route or "bulk" in act.route else {"pk": row.pk}
        url = reverse(act.route, kwargs=arguments)
        data = act.body(row) if act.body else None
        if act.route.startswith(API):
            kind = {"format": "json"} if act.method == "get" else {"content_type": "application/json"}
            return getattr(self.api, act.method)(url, data, headers=self.headers, **(kind if data is not None else {}))
        return getattr(self.client, act.method)(url, data)

    @property
    def api(self):
        return self.client_class()

    def expected(self, act, rights, constrained, is_own):
        if act.right not in rights:
            return FORBIDDEN
        return act.good if is_own or not constrained else act.other

    def test_every_route_is_in_the_matrix(self):
        known = {act.route for act in ACTS} | ELSEWHERE.keys()
        self.assertEqual(set(routes()) - known, set(), "Add what is expected of these routes to the matrix.")

    @pytest.mark.slow
    @pytest.mark.minutes
    def test_every_act_takes_its_right(self):
        # To grant rights takes as long as to ask for a page: they are granted once for all acts on a model.
        for model in {act.model for act in ACTS}:
            for rights in RIGHTS:
                for constraints in (None, CONSTRAINTS[model]):
                    self.grant(model, rights, constraints)
                    for act in (act for act in ACTS if act.model is model):
                        self.try_out(act, rights, constraints)

    def try_out(self, act, rights, constraints):
        """Act on a row that is one's own where rights are constrained, and on another; each is undone."""
        for is_own, row in zip((True, False), self.rows[act.model], strict=True):
            with self.subTest(act=str(act), rights=rights, constraints=constraints, is_own=is_own):
                with transaction.atomic():
                    response = self.answer(act, row)
                    transaction.set_rollback(True)
                wanted = self.expected(act, rights, bool(constraints), is_own)
                self.assertEqual(response.status_code, wanted, response.content[:300])

    def test_a_list_shows_no_row_that_is_not_ones_own(self):
        for model, (own, other) in self.rows.items():
            self.grant(model, ("view",), CONSTRAINTS[model])
            name = model._meta.model_name
            url = reverse(f"{API}:{name}-list")
            found = {row["id"] for row in self.client.get(url, headers=self.headers).json()["results"]}
            self.assertEqual(found, {str(own.pk)})
            page = self.client.get(reverse(f"{UI}:{name}_list"), headers={"HX-Request": "true"}).content.decode()
            self.assertIn(str(own.pk), page)
            self.assertNotIn(str(other.pk), page)

    def test_no_button_is_shown_to_those_who_may_not_use_it(self):
        own = self.rows[RegisteredJob][0]
        addresses = [reverse(f"{JOB}_{action}", kwargs={"pk": own.pk}) for action in ("edit", "delete")]
        for rights, shown in (
            (("view",), []),
            (("view", "change"), addresses[:1]),
            (("view", "delete"), addresses[1:]),
        ):
            self.grant(RegisteredJob, rights, None)
            page = self.client.get(own.get_absolute_url()).content.decode()
            self.assertEqual([address for address in addresses if address in page], shown)
            page = self.client.get(reverse(f"{JOB}_list"), headers={"HX-Request": "true"}).content.decode()
            self.assertEqual([address for address in addresses if address in page], shown)

    def test_who_is_not_logged_in_gets_nothing(self):
        self.client.logout()
        for act in ACTS:
            own = self.rows[act.model][0]
            arguments = {} if "list" in act.route or "bulk" in act.route else {"pk": own.pk}
            response = getattr(self.api, act.method)(reverse(act.route, kwargs=arguments))
            self.assertIn(response.status_code, (302, 403), act)
            if response.status_code == 302:
                self.assertIn("/login/", response.url)
