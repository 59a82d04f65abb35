"""What the filters keep."""

from urllib.parse import urlencode

import pytest
from django.contrib.contenttypes.models import ContentType
from django.http import QueryDict
from nautobot.apps.testing import FilterTestCases
from nautobot.extras.models import DynamicGroup, JobQueue, JobResult, ScheduledJob
from nautobot.users.models import User

from nautobot_job_registry import filters, models
from nautobot_job_registry.factory import empty_registry
from tests import builders


class RegisteredJobFilterTestCase(FilterTestCases.FilterTestCase):
    queryset = models.RegisteredJob.objects.all()
    filterset = filters.RegisteredJobFilterSet
    generic_filter_tests = (
        ["module_name"],
        ["job_class_name"],
        ["source_type"],
        ["source_name"],
        ["source_version"],
        ["absence"],
        ["grouping"],
        ["name"],
        ["description"],
        ["soft_time_limit"],
        ["time_limit"],
        ["git_repository", "git_repository__name"],
        ["git_repository", "git_repository__id"],
        ["default_job_queue", "default_job_queue__name"],
        ["default_job_queue", "default_job_queue__id"],
        ["job_queues", "job_queues__name"],
        ["job_queues", "job_queues__id"],
    )

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        queues = [JobQueue.objects.create(name=f"queue {n}", queue_type="celery") for n in range(3)]
        repositories = [builders.repository(f"Repository {n}", f"repository_{n}") for n in range(3)]
        kinds = (
            ("git", "repository_0", "removed"),
            ("app", "example", "load_error"),
            ("local", "JOBS_ROOT", "source_unavailable"),
        )
        cls.jobs = [
            builders.job(
                n,
                source_type=source_type,
                source_name=source_name,
                source_version=f"version {n}",
                git_repository=repositories[n],
                default_job_queue=queues[n],
                installed=False,
                absence=absence,
                soft_time_limit=n + 1,
                time_limit=n + 11,
                is_job_hook_receiver=n == 1,
                is_job_button_receiver=n == 2,
                enabled=n == 0,
                name_override=n == 0,
            )
            for n, (source_type, source_name, absence) in enumerate(kinds)
        ]
        for job, queue in zip(cls.jobs, queues, strict=True):
            job.job_queues.add(queue)
        cls.jobs.append(builders.job(3, predecessor=cls.jobs[0]))

    def names(self, **params):
        filterset = self.filterset(QueryDict(urlencode(params)), self.queryset)
        self.assertTrue(filterset.is_valid(), filterset.errors)
        return sorted(filterset.qs.values_list("name", flat=True))

    def test_overridden_keeps_jobs_with_any_flag(self):
        self.assertEqual(self.names(overridden="true"), ["Job number 0"])
        self.assertEqual(self.names(overridden="false"), ["Job number 1", "Job number 2", "Job number 3"])

    def test_has_predecessor_keeps_the_jobs_for_which_one_is_proposed(self):
        self.assertEqual(self.names(has_predecessor="true"), ["Job number 3"])
        self.assertEqual(self.names(has_predecessor="false"), ["Job number 0", "Job number 1", "Job number 2"])

    def test_booleans_keep_the_jobs_that_are_so(self):
        self.assertEqual(self.names(installed="true"), ["Job number 3"])
        self.assertEqual(self.names(is_job_hook_receiver="true"), ["Job number 1"])
        self.assertEqual(self.names(is_job_button_receiver="true"), ["Job number 2"])
        self.assertEqual(self.names(enabled="true"), ["Job number 0"])
        self.assertEqual(self.names(name_override="true"), ["Job number 0"])

    def test_a_class_path_is_found_whole_and_by_a_search(self):
        self.assertEqual(self.names(class_path="module_2.jobs.Job2"), ["Job number 2"])
        self.assertEqual(self.names(class_path="module_2.jobs.Job"), [])
        self.assertEqual(self.names(q="module_2.jobs.Job2"), ["Job number 2"])
        self.assertEqual(self.names(q="2.jobs.jo"), ["Job number 2"])

    def test_the_search_reads_name_grouping_and_description(self):
        for text in ("Grouping 1", "Job number 1", "Description 1", "module_1", "Job1"):
            self.assertEqual(self.names(q=text), ["Job number 1"], text)

    def test_a_dynamic_group_of_what_is_drifted_or_not_has_members(self):
        content_type = ContentType.objects.get_for_model(models.RegisteredJob)
        for value in (False, True):
            group = DynamicGroup(name=f"Drifted: {value}", content_type=content_type, filter={"drifted": value})
            group.save()
            self.assertEqual(group.members.count(), 0 if value else models.RegisteredJob.objects.count())


class JobRevisionFilterTestCase(FilterTestCases.FilterTestCase):
    queryset = models.JobRevision.objects.all()
    filterset = filters.JobRevisionFilterSet
    generic_filter_tests = (
        ["job", "job__id"],
        ["job", "job__name"],
        ["metadata_hash"],
        ["number"],
        ["source_hash"],
        ["source_version"],
    )

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        for n in range(1, 4):
            job = builders.job(n, source_version=f"version {n}", name_override=True)
            row = builders.revision(job, number=n)
            models.RegisteredJob.objects.filter(pk=job.pk).update(current_revision=None)
            cls.row = row

    def test_the_source_code_cannot_be_searched(self):
        names = [name for name in self.filterset.get_filters() if "source_code" in name]
        self.assertEqual(names, [])
        self.assertFalse(self.filterset({"source_code__ic": ["SECRET"]}, self.queryset).is_valid())
        self.assertEqual(self.filterset({"q": "SECRET_SOURCE"}, self.queryset).qs.count(), 0)


class FieldOverrideFilterTestCase(FilterTestCases.FilterTestCase):
    queryset = models.FieldOverride.objects.all()
    filterset = filters.FieldOverrideFilterSet
    generic_filter_tests = (["job", "job__id"], ["job", "job__name"], ["reason"], ["created"])

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        for number in range(1, 4):
            row = builders.override(number)
            moment = builders.moment(number)
            cls.queryset.filter(pk=row.pk).update(reason=f"Reason {number}", expires_at=moment, created=moment)
        models.FieldOverride.objects.filter(reason="Reason 1").update(source_value="what it said then")
        # The suite gives the jobs other names, which a save would put back.
        models.RegisteredJob.objects.update(name_override=True)

    def test_drifted_origin_and_field(self):
        for params, count in (
            ({"drifted": True}, 1),
            ({"drifted": False}, 2),
            ({"origin": ["core"]}, 0),
            ({"origin": ["operator"]}, 3),
            ({"field": ["description"]}, 3),
            ({"field": ["name"]}, 0),
        ):
            with self.subTest(params=params):
                self.assertEqual(self.filterset(params, self.queryset).qs.count(), count)


class JobRunFilterTestCase(FilterTestCases.FilterTestCase):
    queryset = models.JobRun.objects.all()
    filterset = filters.JobRunFilterSet
    generic_filter_tests = (
        ["class_path"],
        ["code_hash"],
        ["created"],
        ["job", "job__id"],
        ["job", "job__name"],
        ["job_result", "job_result__id"],
        ["revision", "revision__id"],
        ["source_version"],
        ["user", "job_result__user__id"],
        ["user", "job_result__user__username"],
        ["worker"],
    )

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        for number in range(1, 4):
            job = builders.job(number, name_override=True)
            user = User.objects.create(username=f"user {number}")
            result = JobResult.objects.create(name="Run", user=user, status="SUCCESS" if number < 3 else "FAILURE")
            revision = builders.revision(job, number=number)
            builders.run(number, job=job, job_result=result, revision=revision, is_skewed=number == 1)
        models.RegisteredJob.objects.update(current_revision=None)

    def test_skew_status_record_and_time(self):
        gone = builders.run(4)
        self.queryset.filter(pk=gone.pk).update(job=None)
        for params, count in (
            ({"is_skewed": True}, 1),
            ({"is_skewed": False}, 3),
            ({"status": ["SUCCESS"]}, 3),
            ({"status": ["SUCCESS", "FAILURE"]}, 4),
            ({"is_registered": False}, 1),
            ({"created_after": builders.moment(3)}, 2),
            ({"created_before": builders.moment(3)}, 3),
            ({"q": "module_3.jobs"}, 1),
            ({"q": "celery@worker3"}, 1),
        ):
            with self.subTest(params=params):
                self.assertEqual(self.filterset(params, self.queryset).qs.count(), count)


class JobScheduleFilterTestCase(FilterTestCases.FilterTestCase):
    queryset = models.JobSchedule.objects.all()
    filterset = filters.JobScheduleFilterSet
    generic_filter_tests = (
        ["class_path"],
        ["created"],
        ["job", "job__id"],
        ["job", "job__name"],
        ["scheduled_job", "scheduled_job__id"],
        ["scheduled_job", "scheduled_job__name"],
    )

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        for number in range(1, 4):
            row = builders.schedule(number, job=builders.job(number, name_override=True))
        ScheduledJob.objects.filter(pk=row.scheduled_job_id).update(enabled=False)

    def test_enabled_and_record(self):
        gone = builders.schedule(4)
        self.queryset.filter(pk=gone.pk).update(job=None)
        for params, count in (
            ({"enabled": True}, 3),
            ({"enabled": False}, 1),
            ({"is_registered": False}, 1),
            ({"q": "Schedule 2"}, 1),
        ):
            with self.subTest(params=params):
                self.assertEqual(self.filterset(params, self.queryset).qs.count(), count)


class JobLoadErrorFilterTestCase(FilterTestCases.FilterTestCase):
    queryset = models.JobLoadError.objects.all()
    filterset = filters.JobLoadErrorFilterSet
    generic_filter_tests = (
        ["exception_type"],
        ["file_path"],
        ["first_seen"],
        ["git_repository", "git_repository__id"],
        ["git_repository", "git_repository__name"],
        ["job_class_name"],
        ["last_seen"],
        ["line"],
        ["message"],
        ["module_name"],
        ["source_name"],
        ["source_type"],
        ["source_version"],
    )

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        for n, source_type in enumerate(("git", "app", "local"), start=1):
            builders.load_error(
                n,
                source_type=source_type,
                source_name=f"source {n}",
                source_version=f"version {n}",
                job_class_name=f"Class{n}",
                git_repository=builders.repository(f"Repository {n}", f"repository_{n}"),
                resolved_at=builders.moment(9) if n == 3 else None,
                effective_version=f"effective {n}" if n < 3 else "",
                commit_author=f"Author {n}",
                commit_subject=f"Subject {n}",
            )

    def modules(self, **params):
        return sorted(self.filterset(params, self.queryset).qs.values_list("module_name", flat=True))

    def test_resolved_tells_errors_that_are_gone(self):
        self.assertEqual(self.modules(resolved="true"), ["broken_3"])
        self.assertEqual(self.modules(resolved="false"), ["broken_1", "broken_2"])

    def test_rejected_tells_errors_of_commits_that_were_rejected(self):
        self.assertEqual(self.modules(rejected="true"), ["broken_1", "broken_2"])
        self.assertEqual(self.modules(rejected="false"), ["broken_3"])

    def test_the_search_reads_author_and_subject(self):
        self.assertEqual(self.modules(q="author 2"), ["broken_2"])
        self.assertEqual(self.modules(q="subject 3"), ["broken_3"])

    def test_the_traceback_cannot_be_searched(self):
        self.assertFalse(self.filterset({"traceback__ic": ["secret"]}, self.queryset).is_valid())
        self.assertEqual(self.modules(q="secret path"), [])


class ReconciliationFilterTestCase(FilterTestCases.FilterTestCase):
    queryset = models.Reconciliation.objects.all()
    filterset = filters.ReconciliationFilterSet
    generic_filter_tests = (
        ["changed"],
        ["error"],
        ["finished"],
        ["scope"],
        ["started"],
        ["trigger"],
        ["user", "user__id"],
        ["user", "user__username"],
    )

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        for n, trigger in enumerate(("command", "job", "git_sync"), start=1):
            builders.reconciliation(
                n,
                trigger=trigger,
                error=f"error {n}",
                user=User.objects.create(username=f"user {n}"),
                status="failed" if n == 3 else "succeeded",
            )

    def scopes(self, **params):
        return sorted(self.filterset(params, self.queryset).qs.values_list("scope", flat=True))

    def test_status_keeps_those_that_ended_so(self):
        self.assertEqual(self.scopes(status=["failed"]), ["app:app_3"])

    def test_started_keeps_a_range(self):
        bounds = {"started_after": builders.moment(2), "started_before": builders.moment(2)}
        self.assertEqual(self.scopes(**bounds), ["app:app_2"])
        self.assertEqual(self.scopes(started__gt=[builders.moment(2)]), ["app:app_3"])

    def test_job_source_and_kind_are_those_of_one_and_the_same_change(self):
        gone = {"job": "y.jobs.A", "source": "git:y", "action": "uninstall", "fields": {"hidden": {"old": 1}}}
        new = {"job": "z.B", "source": "local", "action": "register"}
        error = {"load_error": "y.jobs", "source": "git:y", "action": "open"}
        other = {"job": "y.jobs.A", "source": "git:y", "action": "refresh"}
        for number, changes in ((11, [gone, new]), (12, [new]), (13, [error, other]), (14, [])):
            builders.reconciliation(number, scope=str(number), changes=changes)
        for params, found in (
            ({"job": ["y.jobs.A"]}, ["11", "13"]),
            ({"job": ["z.B"]}, ["11", "12"]),
            ({"job": ["y.jobs.C"]}, ["13"]),
            ({"job": ["nowhere"]}, []),
            ({"job": ["\x00"]}, []),
            ({"source": ["git:y"]}, ["11", "13"]),
            ({"source": ["local", "git:y"]}, ["11", "12", "13"]),
            ({"kind": ["uninstalled"]}, ["11"]),
            ({"kind": ["load_errors", "registered"]}, ["11", "12", "13"]),
            ({"job": ["z.B"], "kind": ["uninstalled"]}, []),
            ({"source": ["git:y"], "kind": ["registered"]}, []),
            ({"job": ["y.jobs.A"], "source": ["git:y"], "kind": ["refreshed"]}, ["13"]),
        ):
            with self.subTest(params=params):
                self.assertEqual(self.scopes(**params), found)
                wanted = filters.changes.WantedChanges.of(params)
                rows = [row for row in models.Reconciliation.objects.all() if wanted.among(row.changes)]
                self.assertEqual(sorted(row.scope for row in rows), found)

    def test_unknown_kind_is_refused(self):
        self.assertFalse(self.filterset({"kind": ["no such kind"]}, self.queryset).is_valid())


@pytest.mark.django_db
def test_question_about_too_many_changes_at_once_is_refused():
    jobs = [f"m.Job{number}" for number in range(40)]
    filterset = filters.ReconciliationFilterSet(QueryDict("&".join(f"job={job}" for job in jobs * 2)))
    assert filterset.is_valid()
    wide = "&".join([*(f"job={job}" for job in jobs), *(f"source=git:{job}" for job in jobs)])
    filterset = filters.ReconciliationFilterSet(QueryDict(wide))
    assert not filterset.is_valid()
    assert "combinations are too many" in str(filterset.errors["job"])
