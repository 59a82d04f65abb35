"""Why a field is overridden: a row for each flag that is set."""

import uuid

import django.core.serializers.json
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import nautobot_job_registry.models.registered_job

FIELDS = (
    "grouping",
    "name",
    "description",
    "hidden",
    "console_log_default",
    "dryrun_default",
    "soft_time_limit",
    "time_limit",
    "has_sensitive_variables",
    "is_singleton",
    "job_queues",
    "default_job_queue",
)
BATCH_SIZE = 200


def note_known_overrides(apps, schema_editor):
    """Make the row of each flag that is set already; what the source said then is taken to be what it says now."""
    registered_job = apps.get_model("nautobot_job_registry", "RegisteredJob")
    field_override = apps.get_model("nautobot_job_registry", "FieldOverride")
    any_flag = models.Q(*((f"{field}_override", True) for field in FIELDS), _connector=models.Q.OR)
    jobs = registered_job.objects.filter(any_flag).select_related("current_revision", "default_job_queue")
    rows = []
    for job in jobs.prefetch_related("job_queues"):
        metadata = job.current_revision.metadata if job.current_revision else {}
        values = {field: getattr(job, field) for field in FIELDS}
        values["job_queues"] = sorted(queue.name for queue in job.job_queues.all())
        values["default_job_queue"] = job.default_job_queue.name if job.default_job_queue else None
        rows += [
            field_override(
                job=job,
                field=field,
                value=values[field],
                source_value=metadata.get(field),
                source_is_known=field in metadata,
            )
            for field in FIELDS
            if getattr(job, f"{field}_override")
        ]
    field_override.objects.bulk_create(rows, batch_size=BATCH_SIZE)


class Migration(migrations.Migration):
    dependencies = [
        ("nautobot_job_registry", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="registeredjob",
            name="soft_time_limit",
            field=models.FloatField(
                default=0,
                validators=[
                    nautobot_job_registry.models.registered_job.validate_finite,
                    django.core.validators.MinValueValidator(0),
                ],
            ),
        ),
        migrations.AlterField(
            model_name="registeredjob",
            name="time_limit",
            field=models.FloatField(
                default=0,
                validators=[
                    nautobot_job_registry.models.registered_job.validate_finite,
                    django.core.validators.MinValueValidator(0),
                ],
            ),
        ),
        migrations.CreateModel(
            name="FieldOverride",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False, unique=True
                    ),
                ),
                ("field", models.CharField(max_length=50)),
                (
                    "value",
                    models.JSONField(blank=True, encoder=django.core.serializers.json.DjangoJSONEncoder, null=True),
                ),
                (
                    "source_value",
                    models.JSONField(blank=True, encoder=django.core.serializers.json.DjangoJSONEncoder, null=True),
                ),
                ("source_is_known", models.BooleanField(default=True)),
                ("reason", models.TextField(blank=True)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("origin", models.CharField(default="operator", max_length=50)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "job",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="field_overrides",
                        to="nautobot_job_registry.registeredjob",
                    ),
                ),
                (
                    "set_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="job_field_overrides",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "field override",
                "ordering": ["job", "field"],
                "unique_together": {("job", "field")},
            },
        ),
        migrations.RunPython(note_known_overrides, migrations.RunPython.noop),
    ]
