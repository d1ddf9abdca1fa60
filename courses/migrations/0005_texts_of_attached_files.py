

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('courses', '0004_questions_papers_attempts'),
        ('wagtailcore', '0097_baselogentry_uuid_action_timestamp_indexes'),
        ('wagtaildocs', '0014_alter_document_file_size'),
    ]

    operations = [
        migrations.CreateModel(
            name='FileText',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('file_name', models.CharField(max_length=255)),
                ('file_hash', models.CharField(blank=True, max_length=40)),
                ('sha256', models.CharField(blank=True, db_index=True, max_length=64)),
                ('reader', models.PositiveSmallIntegerField()),
                ('unread', models.CharField(blank=True, choices=[('SCAN', 'It holds pictures and no text (a scan?). Attach the electronic original if there is one.'), ('LOCKED', 'It is protected by a password. Attach a copy without one.'), ('OLD_FORMAT', 'It is in an old Office format (.doc, .ppt). Save it as .docx, .pptx or PDF and attach that.'), ('OTHER_FORMAT', 'Text is read from PDF, Word, Excel, PowerPoint and text files; this is none of them.'), ('BROKEN', 'The file is damaged. Open it on your computer, save it anew and attach it again.'), ('TOO_LARGE', 'It is too large or too complicated to be read. Split it, or attach it as a PDF.'), ('MISSING', 'The file is no longer there. Attach it again.')], max_length=16)),
                ('text', models.TextField(blank=True)),
                ('is_cut', models.BooleanField(default=False)),
                ('read_at', models.DateTimeField()),
                ('document', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='wagtaildocs.document')),
            ],
            options={
                'verbose_name': 'text of a file',
                'verbose_name_plural': 'texts of files',
            },
        ),
        migrations.CreateModel(
            name='AttachedFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('title', models.CharField(blank=True, max_length=255)),
                ('document', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='wagtaildocs.document')),
                ('page', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='wagtailcore.page')),
            ],
            options={
                'verbose_name': 'attached file',
                'verbose_name_plural': 'attached files',
                'constraints': [models.UniqueConstraint(fields=('page', 'document'), name='attached_once_to_a_page')],
            },
        ),
    ]
