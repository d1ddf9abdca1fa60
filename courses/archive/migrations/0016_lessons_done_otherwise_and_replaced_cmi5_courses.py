"""A text lesson may be completed by something else than beats; a cmi5 course knows which one it replaced."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("archive", "0011_credit_conversion")]

    operations = [
        migrations.AddField(
            model_name="lessonstate",
            name="done_by",
            field=models.CharField(blank=True, default="", editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="cmi5course",
            name="replaces",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="replaced_by",
                to="archive.cmi5course",
            ),
        ),
    ]
