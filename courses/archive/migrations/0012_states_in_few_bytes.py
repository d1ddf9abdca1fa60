import courses.archive.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

AT_ONCE = 2000
AS_THEY_ARE = (
    *('id', 'member_id', 'version_id', 'last_beat_at', 'completed_at', 'duration_s', 'watched_s', 'needed_s'),
    *('position_ms', 'frontier_ms', 'watched', 'refused', 'params', 'fold'),
)


def copy(apps, schema_editor):
    """Every state as it was; what it is kept in is the fields' business (courses/archive/fields.py)."""
    _copy(schema_editor, apps.get_model('archive', 'OldLessonState'), apps.get_model('archive', 'LessonState'))


def copy_back(apps, schema_editor):
    _copy(schema_editor, apps.get_model('archive', 'LessonState'), apps.get_model('archive', 'OldLessonState'))


def _copy(schema_editor, source, target):
    waiting = []
    for state in source.objects.order_by('id').iterator(AT_ONCE):
        values = {name: getattr(state, name) for name in AS_THEY_ARE}
        waiting.append(target(**values | {'watched': bytes(values['watched'])}))
        if len(waiting) == AT_ONCE:
            target.objects.bulk_create(waiting)
            waiting = []
    target.objects.bulk_create(waiting)
    if schema_editor.connection.vendor == 'postgresql':
        table = target._meta.db_table
        schema_editor.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'),"
            f" GREATEST((SELECT COALESCE(MAX(id), 1) FROM {table}), 1), EXISTS (SELECT 1 FROM {table}))"
        )


def _member():
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name='+',
        to=settings.AUTH_USER_MODEL,
        verbose_name='member',
    )


def _version(**more):
    return models.ForeignKey(
        db_constraint=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name='+',
        to='courses.lessonversion',
        **more,
    )


class Migration(migrations.Migration):
    """A state takes some 120 bytes instead of a kilobyte, and is found by three indexes instead of five."""

    dependencies = [
        ('archive', '0011_credit_conversion'),
    ]

    operations = [
        migrations.RemoveConstraint(model_name='lessonstate', name='lesson_state_once_per_version'),
        migrations.RemoveIndex(model_name='lessonstate', name='lesson_state_latest'),
        # The indexes of both foreign keys keep their names when the table gets another.
        migrations.AlterField('lessonstate', 'member', _member()),
        migrations.AlterField('lessonstate', 'version', _version(db_index=False)),
        migrations.RenameModel(old_name='LessonState', new_name='OldLessonState'),
        migrations.CreateModel(
            name='LessonState',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('member', _member()),
                ('version', _version()),
                ('last_beat_at', models.DateTimeField()),
                ('completed_at', models.DateTimeField(blank=True, null=True)),
                ('duration_s', models.PositiveIntegerField()),
                ('watched_s', models.PositiveIntegerField(default=0)),
                ('needed_s', models.PositiveIntegerField()),
                ('position_ms', models.PositiveIntegerField(default=0)),
                ('frontier_ms', models.PositiveIntegerField(default=0)),
                ('watched', courses.archive.fields.BitmapField(default=bytes)),
                ('refused', courses.archive.fields.RefusedField(default=list)),
                ('params', courses.archive.fields.RulesField()),
                ('fold', courses.archive.fields.FoldField(default=dict)),
            ],
            options={
                'verbose_name': 'progress in a lesson',
                'verbose_name_plural': 'progress in lessons',
                'constraints': [
                    models.UniqueConstraint(fields=('member', 'version'), name='lesson_state_once_per_version')
                ],
            },
        ),
        migrations.RunPython(copy, copy_back),
        migrations.DeleteModel(name='OldLessonState'),
    ]
