from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("nautobot_job_registry", "0003_anchors"),
    ]

    operations = [
        migrations.AddField(
            model_name="reconciliation",
            name="drifted",
            field=models.PositiveIntegerField(default=0),
        ),
    ]
