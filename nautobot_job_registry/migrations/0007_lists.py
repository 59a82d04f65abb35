"""Open load errors first, and an index of the last run of each job."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("nautobot_job_registry", "0006_misfits_and_summaries")]

    operations = [
        migrations.AlterModelOptions(
            name="jobloaderror",
            options={
                "ordering": [
                    models.OrderBy(models.F("resolved_at"), descending=True, nulls_first=True),
                    "-last_seen",
                ],
                "verbose_name": "job load error",
            },
        ),
        migrations.AddIndex(
            model_name="jobrun", index=models.Index(fields=["job", "created"], name="job_registry_run_of_job")
        ),
        # Its own index, in which the new one begins, is needed no more.
        migrations.AlterField(
            model_name="jobrun",
            name="job",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=models.SET_NULL,
                related_name="runs",
                to="nautobot_job_registry.registeredjob",
            ),
        ),
    ]
