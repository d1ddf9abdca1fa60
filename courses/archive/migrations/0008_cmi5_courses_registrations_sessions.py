import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """cmi5: courses from packages, registrations, what is known of each unit, sessions."""

    dependencies = [
        ('archive', '0007_xapi_statements_documents_clients'),
        ('courses', '0002_protected_and_marked'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Cmi5Course',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('title', models.CharField(max_length=255, verbose_name='title')),
                ('publisher_id', models.TextField(editable=False, verbose_name="publisher's id")),
                ('base_iri', models.CharField(editable=False, max_length=200)),
                ('structure', models.JSONField(editable=False)),
                ('au_count', models.PositiveIntegerField(editable=False, verbose_name='units')),
                ('has_files', models.BooleanField(default=False, editable=False)),
                ('size_bytes', models.PositiveBigIntegerField(editable=False, verbose_name='size')),
                ('sha256', models.CharField(editable=False, max_length=64)),
                ('published_duration_s', models.PositiveIntegerField(blank=True, help_text='Study hours are reckoned from it when the whole course is completed. Empty: the course brings no hours.', null=True, verbose_name='published length in seconds')),
                ('imported_client', models.CharField(blank=True, editable=False, max_length=64, verbose_name='imported by client')),
                ('imported_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='imported at')),
                ('retired_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='withdrawn at')),
                ('imported_by', models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='imported by')),
                ('lesson', models.ForeignKey(blank=True, db_constraint=False, help_text='The lesson on whose page members begin it. Who may open the lesson may open it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='courses.lesson', verbose_name='lesson')),
            ],
            options={
                'verbose_name': 'interactive course',
                'verbose_name_plural': 'interactive courses',
                'ordering': ['-imported_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='Cmi5Registration',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('client', models.CharField(blank=True, max_length=64)),
                ('actor', models.JSONField()),
                ('satisfied', models.JSONField(default=list)),
                ('satisfied_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('course', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='registrations', to='archive.cmi5course')),
                ('member', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'registration for an interactive course',
                'verbose_name_plural': 'registrations for interactive courses',
            },
        ),
        migrations.CreateModel(
            name='Cmi5Au',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('index', models.PositiveIntegerField()),
                ('completed_at', models.DateTimeField(blank=True, null=True)),
                ('passed_at', models.DateTimeField(blank=True, null=True)),
                ('waived_at', models.DateTimeField(blank=True, null=True)),
                ('waive_reason', models.CharField(blank=True, max_length=200)),
                ('registration', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='aus', to='archive.cmi5registration')),
            ],
            options={
                'verbose_name': 'unit of a registration',
                'verbose_name_plural': 'units of registrations',
            },
        ),
        migrations.CreateModel(
            name='Cmi5Session',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('au_index', models.PositiveIntegerField()),
                ('launch_mode', models.CharField(choices=[('Normal', 'Normal'), ('Browse', 'Browse'), ('Review', 'Review')], max_length=8)),
                ('activity_id', models.CharField(max_length=255)),
                ('publisher_id', models.TextField()),
                ('mastery_score', models.DecimalField(blank=True, decimal_places=4, max_digits=5, null=True)),
                ('fetch_digest', models.CharField(max_length=64)),
                ('token_digest', models.CharField(blank=True, max_length=64)),
                ('launched_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('fetched_at', models.DateTimeField(blank=True, null=True)),
                ('launch_data_read_at', models.DateTimeField(blank=True, null=True)),
                ('preferences_read_at', models.DateTimeField(blank=True, null=True)),
                ('last_statement_at', models.DateTimeField(blank=True, null=True)),
                ('initialized_at', models.DateTimeField(blank=True, null=True)),
                ('completed_at', models.DateTimeField(blank=True, null=True)),
                ('passed_at', models.DateTimeField(blank=True, null=True)),
                ('failed_at', models.DateTimeField(blank=True, null=True)),
                ('terminated_at', models.DateTimeField(blank=True, null=True)),
                ('abandoned_at', models.DateTimeField(blank=True, null=True)),
                ('registration', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sessions', to='archive.cmi5registration')),
            ],
            options={
                'verbose_name': 'session of an interactive course',
                'verbose_name_plural': 'sessions of interactive courses',
            },
        ),
        migrations.AddConstraint(
            model_name='cmi5course',
            constraint=models.UniqueConstraint(condition=models.Q(('lesson__isnull', False), ('retired_at__isnull', True)), fields=('lesson',), name='cmi5_course_one_per_lesson'),
        ),
        migrations.AddConstraint(
            model_name='cmi5registration',
            constraint=models.UniqueConstraint(condition=models.Q(('member__isnull', False)), fields=('member', 'course'), name='cmi5_registration_once_per_member'),
        ),
        migrations.AddConstraint(
            model_name='cmi5au',
            constraint=models.UniqueConstraint(fields=('registration', 'index'), name='cmi5_au_once_per_registration'),
        ),
        migrations.AddIndex(
            model_name='cmi5session',
            index=models.Index(condition=models.Q(('abandoned_at__isnull', True), ('terminated_at__isnull', True)), fields=['expires_at'], name='cmi5_session_open'),
        ),
        migrations.AddConstraint(
            model_name='cmi5session',
            constraint=models.CheckConstraint(condition=models.Q(('terminated_at__isnull', True), ('abandoned_at__isnull', True), _connector='OR'), name='cmi5_session_ends_once'),
        ),
    ]
