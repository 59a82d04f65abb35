"""Rule 17, asked of the records themselves."""

import pytest
from django.contrib.contenttypes.models import ContentType
from nautobot.extras.models import Job, JobQueue
from nautobot.users.models import ObjectPermission, User

from nautobot_job_registry.core_bridge import permissions
from nautobot_job_registry.factory import RegisteredJobFactory
from nautobot_job_registry.lifecycle import deletion
from nautobot_job_registry.models import RegisteredJob
from tests.support import counted_statements

pytestmark = pytest.mark.django_db


@pytest.fixture
def jobs():
    """A record without a core job, and two with one."""
    queue = JobQueue.objects.create(name="night", queue_type="celery")
    records = [RegisteredJobFactory(module_name="without")]
    for name in ("own", "other"):
        core_job = Job.objects.create(module_name=name, job_class_name="J", name=name, default_job_queue=queue)
        records.append(RegisteredJobFactory(module_name=name, core_job=core_job, installed=False))
    return records


@pytest.fixture
def user():
    """A user who may change and delete one of core's rows."""
    user = User.objects.create_user("operator")
    permission = ObjectPermission(name="x", actions=["change", "delete"], constraints={"module_name": "own"})
    permission.save()
    permission.users.add(user)
    permission.object_types.add(ContentType.objects.get_for_model(Job))
    return user


@pytest.mark.parametrize("action", ["change", "delete"])
def test_a_record_is_withheld_whose_core_job_is_not_ones_own(jobs, user, action):
    with counted_statements() as statements:
        assert permissions.withheld(user, action, jobs) == {jobs[2].pk}
    assert len([sql for sql in statements if '"extras_job"' in sql]) == 1
    assert permissions.withheld(User(is_superuser=True), action, jobs) == frozenset()
    assert f"extras.{action}_job" in permissions.withheld_message(action, ["other.J"])


def test_a_deletion_is_refused_as_a_whole(jobs, user):
    with pytest.raises(permissions.NotPermittedError, match=r"extras\.delete_job.*other"):
        deletion.delete_records(jobs[1:], user)
    with pytest.raises(deletion.InstalledError, match="without"):
        deletion.delete_records(jobs[:2], user)
    assert RegisteredJob.objects.filter(pk__in=[job.pk for job in jobs]).count() == 3
    deletion.delete_records(jobs[1:2], user)
    assert not Job.objects.filter(module_name="own").exists()
