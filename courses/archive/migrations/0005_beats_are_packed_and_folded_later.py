import json
from hashlib import sha256

from django.db import migrations, models

import courses.archive.fields
from courses.archive.packing import pack

AT_ONCE = 2000
AS_THEY_ARE = ('id', 'member_id', 'version_id', 'session', 'seq', 'received_at', 'happened_at', 'wall_ms', 'in_lease')


def copy(apps, schema_editor):
    """Every beat keeps its number, which is the order of arrival. All of them were folded as they came."""
    old, new = apps.get_model('archive', 'OldBeat'), apps.get_model('archive', 'Beat')
    last = _copy(schema_editor, old, new, lambda beat: {'body': pack(beat.body)})
    archives = apps.get_model('archive', 'LearningArchive')
    waiting = []
    for archive in archives.objects.filter(member_id__in=new.objects.values('member_id')).iterator(AT_ONCE):
        archive.beats_folded = last[archive.member_id]
        waiting.append(archive)
    archives.objects.bulk_update(waiting, ['beats_folded'], batch_size=500)


def copy_back(apps, schema_editor):
    """The log as it was kept before. What no fold has seen would never be reckoned there: then it refuses."""
    old, new = apps.get_model('archive', 'OldBeat'), apps.get_model('archive', 'Beat')
    last = _copy(schema_editor, new, old, lambda beat: {'body': beat.body, 'body_hash': _hash(beat.body)})
    folded = dict(apps.get_model('archive', 'LearningArchive').objects.values_list('member_id', 'beats_folded'))
    if any(number > folded.get(member_id, 0) for member_id, number in last.items()):
        raise RuntimeError('beats wait to be folded: run “manage.py fold_beats --once” first; nothing was changed')


def _copy(schema_editor, source, target, body_of):
    """The number of each member's last beat."""
    last, waiting = {}, []
    for beat in source.objects.order_by('id').iterator(AT_ONCE):
        waiting.append(target(**{name: getattr(beat, name) for name in AS_THEY_ARE}, **body_of(beat)))
        last[beat.member_id] = beat.id
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
    return last


def _hash(body):
    return sha256(json.dumps(body, sort_keys=True, separators=(',', ':')).encode()).hexdigest()


class Migration(migrations.Migration):
    """Beats are kept in few bytes; each archive says up to which of them states, turns and hours have come."""

    dependencies = [('archive', '0004_entries_are_chained_and_sealed')]

    operations = [
        migrations.AddField(
            model_name='learningarchive',
            name='beats_folded',
            field=models.BigIntegerField(default=0, editable=False),
        ),
        migrations.RemoveConstraint(model_name='beat', name='beat_kept_once'),
        migrations.RemoveIndex(model_name='beat', name='beat_in_order_of_study'),
        migrations.RenameModel(old_name='Beat', new_name='OldBeat'),
        migrations.CreateModel(
            name='Beat',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('member_id', models.BigIntegerField()),
                ('version_id', models.BigIntegerField()),
                ('received_at', courses.archive.fields.MomentField()),
                ('happened_at', courses.archive.fields.MomentField()),
                ('wall_ms', models.BigIntegerField()),
                ('session', models.UUIDField()),
                ('seq', models.PositiveIntegerField()),
                ('in_lease', models.BooleanField()),
                ('body', courses.archive.fields.PackedBodyField()),
            ],
            options={
                'verbose_name': 'beat',
                'verbose_name_plural': 'beats',
                'indexes': [models.Index(fields=['member_id', 'id'], name='beat_in_order_of_arrival')],
                'constraints': [
                    models.UniqueConstraint(fields=('member_id', 'session', 'seq'), name='beat_kept_once')
                ],
            },
        ),
        migrations.RunPython(copy, copy_back),
        migrations.DeleteModel(name='OldBeat'),
    ]
