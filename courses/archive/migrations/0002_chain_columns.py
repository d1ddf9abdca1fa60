from django.db import migrations, models


class Migration(migrations.Migration):
    """Room for the chain (courses/archive/chain.py); empty until 0003 has chained what exists."""

    dependencies = [('archive', '0001_archive_log_ledger_rules')]

    operations = [
        migrations.AddField(
            model_name='learningarchive',
            name='chain_seq',
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name='learningarchive',
            name='chain_link',
            field=models.CharField(blank=True, default='', editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name='studyhourentry',
            name='chain_seq',
            field=models.PositiveIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='studyhourentry',
            name='link',
            field=models.CharField(editable=False, max_length=64, null=True),
        ),
    ]
