"""What thousands of removals cost is the database's work, and says the same as one by one."""

import pytest
from django.contrib.contenttypes.models import ContentType
from nautobot.extras.models import JobQueue, ObjectChange, Tag

from nautobot_job_registry.core_bridge import change_log
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory, empty_registry
from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.models.sql import write_columns
from nautobot_job_registry.reconcile import reconcile
from tests import builders
from tests.support import counted_statements

pytestmark = pytest.mark.django_db


def test_a_record_in_the_change_log_is_what_nautobot_itself_would_log(monkeypatch):
    monkeypatch.setattr(change_log, "LOGGED_AT_ONCE", 2)
    tag = Tag.objects.create(name="nightly")
    tag.content_types.add(ContentType.objects.get_for_model(RegisteredJob))
    jobs = [builders.job(number) for number in range(1, 6)]
    jobs[0].tags.add(tag)
    jobs[1].job_queues.set([JobQueue.objects.create(name=name, queue_type="celery") for name in ("night", "day")])
    change_log.log_changes({job.pk: "update" for job in jobs}, None, "A test")
    for job in jobs:
        job.refresh_from_db()
        entry = ObjectChange.objects.get(changed_object_id=job.pk, change_context_detail="A test")
        expected = job.to_objectchange("update").object_data
        # What is agreed with core is no news to anybody.
        del expected["core_decisions"]
        entry.object_data["job_queues"].sort()
        assert entry.object_data == {**expected, "job_queues": sorted(expected["job_queues"])}
        assert (entry.changed_object, entry.object_repr) == (job, str(job))


@pytest.mark.parametrize("alike", [True, False])
def test_columns_are_stored_whether_or_not_rows_say_them_alike(alike):
    jobs = [builders.job(number) for number in range(1, 8)]
    for number, job in enumerate(jobs):
        job.absence, job.core_decisions = "removed", {"enabled": True, "overrides": {}}
        job.description = "Same" if alike else f"Another {number}"
    with counted_statements() as statements:
        write_columns(jobs, ["absence", "core_decisions", "description", "core_job"], 5)
    assert len([sql for sql in statements if sql.startswith("UPDATE")]) == (2 if alike else 4)
    for job in jobs:
        stored = RegisteredJob.objects.get(pk=job.pk)
        assert (stored.absence, stored.description, stored.core_job) == ("removed", job.description, None)
        assert stored.core_decisions == job.core_decisions


def test_removals_are_written_without_an_expression_for_each(jobs_root):
    empty_registry()
    stays = [JobClassSourceFactory(name="Stays")]
    goes = [JobClassSourceFactory(name=f"Job{number}") for number in range(40)]
    JobModuleFactory(folder=jobs_root, name="many", classes=[*stays, *goes])
    reconcile("local")
    JobModuleFactory(folder=jobs_root, name="many", classes=stays)
    with counted_statements() as statements:
        assert reconcile("local").counts()["uninstalled"] == 40
    written = [sql for sql in statements if sql.startswith('UPDATE "nautobot_job_registry_registeredjob"')]
    assert any('"absence" = %s' in sql for sql in written), written
    # The one that stays is of another text.
    assert not [sql for sql in written if sql.count("WHEN") > 1], written
    gone = RegisteredJob.objects.filter(module_name="many", installed=False, absence="removed")
    assert gone.count() == 40
    assert gone.filter(uninstalled_at=None).count() == 0
