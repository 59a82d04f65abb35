"""New rows of one model in bulk: as `bulk_create()` would store them."""

import uuid

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from nautobot.extras.models import JobQueue

from nautobot_job_registry.constants import BATCH_SIZE
from nautobot_job_registry.factory import RegisteredJobFactory
from nautobot_job_registry.inserting import insert
from nautobot_job_registry.models import JobRevision, RegisteredJob
from tests.support import counted_statements

pytestmark = pytest.mark.django_db

TEXT = "# 100 % of 'quotes' \"and\" \\backslashes\\ {braces} – naïve, ☃\n" * 100


def record(number, **values):
    return RegisteredJob(
        **{
            "module_name": f"inserted_{number}",
            "job_class_name": "Inserted",
            "source_type": "local",
            "source_name": "JOBS_ROOT",
            "grouping": "Inserted",
            "name": f"Inserted {number}",
            **values,
        }
    )


def revision(job, number, text, **values):
    metadata = values.pop("metadata", {"name": f"Revision {number}"})
    return JobRevision(
        job=job, number=number, metadata=metadata, metadata_hash="m", source_code=text, source_hash="s", **values
    )


def stored(rows):
    model = type(rows[0])
    found = {row.pk: row for row in model.objects.filter(pk__in=[row.pk for row in rows])}
    return [found[row.pk] for row in rows]


def values_of(row):
    return {column.attname: getattr(row, column.attname) for column in row._meta.concrete_fields}


def test_every_column_is_stored_as_it_was_given():
    queue = JobQueue.objects.create(name="inserted", queue_type="celery")
    rows = [
        record(1, description=TEXT, soft_time_limit=1.5, hidden=True, default_job_queue=queue),
        record(2, description="", enabled=True, core_decisions={"enabled": True, "overrides": {"name": "ä'%s"}}),
    ]
    insert(rows)
    assert [values_of(row) for row in stored(rows)] == [values_of(row) for row in rows]
    assert stored(rows)[0].created is not None


def test_rows_know_that_they_are_stored():
    row = record(1)
    assert not row.present_in_database
    insert([row])
    assert row.present_in_database


def test_a_shared_text_is_stored_with_each_row_that_has_it():
    job = RegisteredJobFactory(module_name="shared", job_class_name="Shared")
    texts = [TEXT, TEXT, "", "other", TEXT, "other", ""]
    rows = [revision(job, number, text, metadata={"number": number}) for number, text in enumerate(texts, start=1)]
    insert(rows, shared="source_code")
    assert [row.source_code for row in stored(rows)] == texts
    assert [row.metadata for row in stored(rows)] == [{"number": number} for number in range(1, 8)]
    assert [row.created for row in stored(rows)] == [row.created for row in rows]


def test_a_shared_text_is_sent_once():
    job = RegisteredJobFactory(module_name="shared", job_class_name="Shared")
    rows = [revision(job, number, TEXT) for number in range(1, 21)]
    sent = []

    def note(execute, sql, params, many, context):
        sent.append(sum(given == TEXT or (isinstance(given, list) and given.count(TEXT)) for given in params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        insert(rows, shared="source_code")
    assert sent == [1, 0]


@pytest.mark.parametrize("rows", [1, BATCH_SIZE, BATCH_SIZE + 1])
def test_statements_are_counted_by_batches_and_not_by_rows(rows):
    with counted_statements() as statements:
        insert([record(number) for number in range(rows)])
    assert len(statements) == (1 if rows <= BATCH_SIZE else 2)
    assert RegisteredJob.objects.filter(job_class_name="Inserted").count() == rows


def test_nothing_at_all_takes_no_statement():
    with counted_statements() as statements:
        insert([])
    assert statements == []


def test_a_text_that_is_too_long_is_refused_and_not_cut():
    with pytest.raises(DataError), transaction.atomic():
        insert([record(1, name="n" * 101)])
    assert not RegisteredJob.objects.filter(job_class_name="Inserted").exists()


def test_a_row_that_is_refused_takes_all_others_with_it():
    rows = [record(number) for number in range(BATCH_SIZE + 1)]
    rows[-1].module_name = rows[0].module_name
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(rows)
    assert not RegisteredJob.objects.filter(job_class_name="Inserted").exists()


def test_keys_that_the_database_makes_are_left_to_it():
    job = RegisteredJobFactory(module_name="queued", job_class_name="Queued")
    queue = JobQueue.objects.create(name="inserted", queue_type="celery")
    through = RegisteredJob.job_queues.through
    insert([through(registeredjob_id=job.pk, jobqueue_id=queue.pk)])
    assert list(job.job_queues.all()) == [queue]


def test_other_databases_are_given_the_same_rows(monkeypatch):
    monkeypatch.setattr(connection, "vendor", "another")
    job = RegisteredJobFactory(id=uuid.uuid4(), module_name="shared", job_class_name="Shared")
    rows = [revision(job, number, TEXT) for number in (1, 2)]
    insert(rows, shared="source_code")
    assert [row.source_code for row in stored(rows)] == [TEXT, TEXT]
