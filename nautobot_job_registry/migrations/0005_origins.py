"""Which file registers a job."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("nautobot_job_registry", "0004_drifted")]

    operations = [
        migrations.AddField(
            model_name="registeredjob",
            name="registered_in",
            field=models.TextField(blank=True, default="", editable=False),
        ),
    ]
