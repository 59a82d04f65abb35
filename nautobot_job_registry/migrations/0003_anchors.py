"""The anchors of runs and schedules, what an uninstall switched off, and what a record may have been before."""

import uuid

import django.core.serializers.json
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contenttypes", "0002_remove_content_type_name"),
        ("nautobot_job_registry", "0002_field_overrides"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="jobloaderror",
            name="commit_author",
            field=models.CharField(blank=True, max_length=255),
        ),
        migrations.AddField(
            model_name="jobloaderror",
            name="commit_subject",
            field=models.CharField(blank=True, max_length=255),
        ),
        migrations.AddField(
            model_name="jobloaderror",
            name="effective_version",
            field=models.CharField(blank=True, max_length=255),
        ),
        migrations.AddField(
            model_name="jobrevision",
            name="reconciliation",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="revisions",
                to="nautobot_job_registry.reconciliation",
            ),
        ),
        migrations.AddField(
            model_name="reconciliation",
            name="adopted",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="reconciliation",
            name="overrides_ended",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="reconciliation",
            name="restored",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="reconciliation",
            name="suspended",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="registeredjob",
            name="adopted_records",
            field=models.JSONField(
                blank=True, default=list, editable=False, encoder=django.core.serializers.json.DjangoJSONEncoder
            ),
        ),
        migrations.AddField(
            model_name="registeredjob",
            name="dismissed_predecessors",
            field=models.JSONField(
                blank=True, default=list, editable=False, encoder=django.core.serializers.json.DjangoJSONEncoder
            ),
        ),
        migrations.AddField(
            model_name="registeredjob",
            name="predecessor",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="proposed_successors",
                to="nautobot_job_registry.registeredjob",
            ),
        ),
        migrations.AddField(
            model_name="registeredjob",
            name="predecessor_grounds",
            field=models.CharField(blank=True, editable=False, max_length=255),
        ),
        migrations.CreateModel(
            name="JobRun",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False, unique=True
                    ),
                ),
                ("class_path", models.CharField(db_index=True, max_length=511)),
                ("source_version", models.CharField(blank=True, max_length=255)),
                ("worker", models.CharField(blank=True, max_length=255)),
                ("code_hash", models.CharField(blank=True, max_length=64)),
                ("is_skewed", models.BooleanField(default=False)),
                ("created", models.DateTimeField(db_index=True, default=django.utils.timezone.now, editable=False)),
                (
                    "job",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="runs",
                        to="nautobot_job_registry.registeredjob",
                    ),
                ),
                (
                    "job_result",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="registry_run", to="extras.jobresult"
                    ),
                ),
                (
                    "revision",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="runs",
                        to="nautobot_job_registry.jobrevision",
                    ),
                ),
            ],
            options={
                "verbose_name": "job run",
                "ordering": ["-created"],
            },
        ),
        migrations.CreateModel(
            name="JobSchedule",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False, unique=True
                    ),
                ),
                ("class_path", models.CharField(db_index=True, max_length=511)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "job",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="schedules",
                        to="nautobot_job_registry.registeredjob",
                    ),
                ),
                (
                    "scheduled_job",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="registry_schedule",
                        to="extras.scheduledjob",
                    ),
                ),
            ],
            options={
                "verbose_name": "job schedule",
                "ordering": ["class_path", "created"],
            },
        ),
        migrations.CreateModel(
            name="Suspension",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False, unique=True
                    ),
                ),
                ("class_path", models.CharField(db_index=True, max_length=511)),
                ("object_id", models.UUIDField(db_index=True)),
                ("object_name", models.CharField(max_length=255)),
                ("reason", models.CharField(blank=True, max_length=50)),
                ("origin", models.CharField(max_length=50)),
                (
                    "previous_state",
                    models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder),
                ),
                (
                    "suspended_state",
                    models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder),
                ),
                ("outcome", models.CharField(db_index=True, default="suspended", max_length=50)),
                ("suspended_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("restored_at", models.DateTimeField(blank=True, null=True)),
                (
                    "job",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="suspensions",
                        to="nautobot_job_registry.registeredjob",
                    ),
                ),
                (
                    "object_type",
                    models.ForeignKey(
                        db_index=False,
                        limit_choices_to=models.Q(
                            ("app_label", "extras"), ("model__in", ("scheduledjob", "jobhook", "jobbutton"))
                        ),
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="contenttypes.contenttype",
                    ),
                ),
                (
                    "restored_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="restored_job_suspensions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "suspension",
                "ordering": ["-suspended_at", "object_name"],
            },
        ),
        migrations.AlterField(
            model_name="reconciliation",
            name="job_result",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="job_reconciliations",
                to="extras.jobresult",
            ),
        ),
        migrations.AddIndex(
            model_name="reconciliation",
            index=models.Index(fields=["status", "started"], name="job_registry_reconciliation"),
        ),
    ]
