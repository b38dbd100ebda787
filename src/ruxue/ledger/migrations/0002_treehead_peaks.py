from django.db import migrations, models

from ruxue.algorithms import merkle


def _fill(apps, schema_editor):
    head = apps.get_model("ledger", "TreeHead").objects.order_by("-size").first()
    if head is None:
        return
    entries = apps.get_model("ledger", "Entry").objects.filter(index__lt=head.size).order_by("index")
    frontier = merkle.Frontier()
    frontier.extend(bytes(leaf) for leaf in entries.values_list("leaf", flat=True))
    head.peaks = [p.hex() for p in frontier.peaks]
    head.save()


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]

    operations = [
        migrations.AddField(
            "treehead",
            "peaks",
            models.JSONField(
                default=list, help_text="roots of the complete subtrees, from which the next head grows"
            ),
        ),
        migrations.RunPython(_fill, migrations.RunPython.noop),
    ]
