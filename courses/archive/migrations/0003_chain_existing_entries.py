from django.db import migrations

from courses.archive import chain

AT_ONCE = 500


def chain_existing(apps, schema_editor):
    """Chain what is there, each member's entries in the order in which they say that they were recorded.

    Uses chain.content as it is today, which later formats must keep for old rows.
    """
    Entry = apps.get_model('archive', 'StudyHourEntry')
    Archive = apps.get_model('archive', 'LearningArchive')
    ends, opened, waiting = {}, {}, []
    names = [name for name in chain.FIELDS if name != 'reversal_of']
    rows = Entry.objects.filter(chain_seq=None).order_by('member_id', 'recorded_at', 'pk')
    for entry in rows.select_related('reversal_of').iterator(chunk_size=AT_ONCE):
        values = {name: getattr(entry, name) for name in names}
        values['reversal_of'] = entry.reversal_of.uuid if entry.reversal_of else None
        member = entry.member_id
        seq, link = ends.get(member) or (0, chain.genesis(member))
        entry.chain_seq, entry.link = seq + 1, chain.link(link, chain.content(values))
        ends[member] = (entry.chain_seq, entry.link)
        opened.setdefault(member, entry.recorded_at)
        waiting.append(entry)
        if len(waiting) == AT_ONCE:
            Entry.objects.bulk_update(waiting, ['chain_seq', 'link'])
            waiting = []
    if waiting:
        Entry.objects.bulk_update(waiting, ['chain_seq', 'link'])
    for member, (seq, link) in ends.items():
        Archive.objects.update_or_create(
            member_id=member,
            defaults={'chain_seq': seq, 'chain_link': link},
            create_defaults={'chain_seq': seq, 'chain_link': link, 'created_at': opened[member]},
        )


class Migration(migrations.Migration):

    dependencies = [('archive', '0002_chain_columns')]

    operations = [migrations.RunPython(chain_existing, migrations.RunPython.noop)]
