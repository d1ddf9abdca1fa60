from django.db import migrations, models

import courses.archive.fields
from courses.archive.packing import pack

AT_ONCE = 2000


def copy(apps, schema_editor):
    """Every beat keeps its number, which is the order of arrival."""
    old, new = apps.get_model('archive', 'OldBeat'), apps.get_model('archive', 'Beat')
    waiting = []
    for beat in old.objects.order_by('id').iterator(AT_ONCE):
        waiting.append(
            new(
                id=beat.id, member_id=beat.member_id, version_id=beat.version_id, session=beat.session, seq=beat.seq,
                received_at=beat.received_at, happened_at=beat.happened_at, wall_ms=beat.wall_ms,
                in_lease=beat.in_lease, body=pack(beat.body),
            )
        )
        if len(waiting) == AT_ONCE:
            new.objects.bulk_create(waiting)
            waiting = []
    new.objects.bulk_create(waiting)
    if schema_editor.connection.vendor == 'postgresql':
        schema_editor.execute(
            "SELECT setval(pg_get_serial_sequence('archive_beat', 'id'),"
            " GREATEST((SELECT COALESCE(MAX(id), 1) FROM archive_beat), 1),"
            " EXISTS (SELECT 1 FROM archive_beat))"
        )
    # All of them were folded as they came.
    archives = apps.get_model('archive', 'LearningArchive')
    last = new.objects.filter(member_id=models.OuterRef('member_id')).order_by('-id').values('id')[:1]
    archives.objects.filter(member_id__in=new.objects.values('member_id')).update(beats_folded=models.Subquery(last))


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
        migrations.RunPython(copy, migrations.RunPython.noop),
        migrations.DeleteModel(name='OldBeat'),
    ]
