from django.db import migrations, models


class Migration(migrations.Migration):
    """From now on every entry has its place and its link; seals of a day over all of them."""

    dependencies = [('archive', '0003_chain_existing_entries')]

    operations = [
        migrations.AlterField(
            model_name='studyhourentry',
            name='chain_seq',
            field=models.PositiveIntegerField(editable=False),
        ),
        migrations.AlterField(
            model_name='studyhourentry',
            name='link',
            field=models.CharField(editable=False, max_length=64),
        ),
        migrations.AddConstraint(
            model_name='studyhourentry',
            constraint=models.UniqueConstraint(fields=('member', 'chain_seq'), name='entry_has_its_place'),
        ),
        migrations.CreateModel(
            name='ArchiveSeal',
            fields=[
                ('number', models.PositiveIntegerField(primary_key=True, serialize=False)),
                ('day', models.DateField(unique=True, verbose_name='day')),
                ('members', models.PositiveIntegerField(verbose_name='members')),
                ('tree_size', models.PositiveBigIntegerField(verbose_name='entries')),
                ('root', models.CharField(max_length=64, verbose_name='root')),
                ('previous_root', models.CharField(blank=True, max_length=64)),
                ('sealed_at', models.DateTimeField(verbose_name='sealed at')),
                ('leaves', models.BinaryField()),
            ],
            options={
                'verbose_name': 'seal of the archive',
                'verbose_name_plural': 'seals of the archive',
                'ordering': ['number'],
            },
        ),
    ]
