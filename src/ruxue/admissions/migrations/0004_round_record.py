import django.db.models.deletion
from django.db import migrations, models


def _move(apps, schema_editor):
    record = apps.get_model("admissions", "RoundRecord")
    for made in apps.get_model("admissions", "Round").objects.iterator(chunk_size=1):
        record.objects.create(round=made, inputs=made.inputs, report=made.report)


class Migration(migrations.Migration):
    dependencies = [("admissions", "0003_arrangements_and_lists")]

    operations = [
        migrations.CreateModel(
            "RoundRecord",
            [
                (
                    "round",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="record",
                        serialize=False,
                        to="admissions.round",
                    ),
                ),
                ("inputs", models.JSONField(default=dict)),
                ("report", models.JSONField(default=dict)),
            ],
        ),
        migrations.RunPython(_move, migrations.RunPython.noop),
        migrations.RemoveField("round", "inputs"),
        migrations.RemoveField("round", "report"),
    ]
