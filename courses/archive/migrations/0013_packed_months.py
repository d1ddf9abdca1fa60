import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def refuse_to_lose(apps, schema_editor):
    """What is packed is in no other table: going back would lose it."""
    if apps.get_model('archive', 'PackedMonth').objects.exists():
        raise RuntimeError('parts of the log are packed, and would be lost; nothing was changed')


class Migration(migrations.Migration):
    """Sessions that can send nothing more are kept as one small row a member and month (courses/archive/packs)."""

    dependencies = [('archive', '0012_states_in_few_bytes')]

    operations = [
        # Turns are found by the member and their beginning: play_lease_in_order.
        migrations.AlterField(
            model_name='playlease',
            name='member',
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name='+',
                to=settings.AUTH_USER_MODEL,
                verbose_name='member',
            ),
        ),
        migrations.AlterField(
            model_name='playlease',
            name='version',
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name='+',
                to='courses.lessonversion',
            ),
        ),
        migrations.CreateModel(
            name='PackedMonth',
            fields=[
                ('pk', models.CompositePrimaryKey('member_id', 'month', blank=True, editable=False, primary_key=True, serialize=False)),
                ('member_id', models.BigIntegerField()),
                ('month', models.PositiveIntegerField()),
                ('beats', models.PositiveIntegerField()),
                ('body', models.BinaryField()),
            ],
            options={
                'verbose_name': 'packed month of the log',
                'verbose_name_plural': 'packed months of the log',
            },
        ),
        migrations.RunPython(migrations.RunPython.noop, refuse_to_lose),
    ]
