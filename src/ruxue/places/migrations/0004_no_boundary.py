from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("places", "0003_arrangements_and_lists")]

    operations = [migrations.RemoveField("district", "boundary")]
