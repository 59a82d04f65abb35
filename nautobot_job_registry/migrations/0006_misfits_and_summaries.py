from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("nautobot_job_registry", "0005_origins"),
    ]

    operations = [
        migrations.AddField(
            model_name="reconciliation",
            name="misfits",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="reconciliation",
            name="summary",
            field=models.TextField(blank=True),
        ),
    ]
