"""manage.py nginx_config: print the configuration with which nginx gives out lectures in Django's place."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from media_pipeline.delivery import DYNAMIC
from media_pipeline.nginx import configuration


class Command(BaseCommand):
    help = "Print the nginx configuration for this installation (needs MEDIA_NGINX=1 and MEDIA_NGINX_KEY)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--upstream", default="127.0.0.1:8000", help="where the school listens")
        parser.add_argument("--listen", default="80", help="what nginx listens on, e.g. 80 or 127.0.0.1:8080")
        parser.add_argument("--name", default="", help="server_name; by default that of BASE_URL")
        parser.add_argument("--cache", type=Path, default=Path("/var/cache/nginx/school"))
        parser.add_argument("--log", default="/var/log/nginx/media.log")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = settings.MEDIA_PIPELINE
        if not chosen["NGINX"] or not chosen["NGINX_KEY"]:
            raise CommandError(
                "Set MEDIA_NGINX=1 and MEDIA_NGINX_KEY first, for Django and for this command alike; a key: "
                "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
            )
        try:
            text = configuration(
                key=chosen["NGINX_KEY"],
                root=Path(chosen["ROOT"]),
                upstream=options["upstream"],
                listen=options["listen"],
                name=options["name"] or urlsplit(settings.WAGTAILADMIN_BASE_URL).hostname or "_",
                cache=options["cache"],
                log=options["log"],
                dynamic=DYNAMIC,
                s3=bool(chosen["S3_BUCKET"]),
            )
        except ValueError as wrong:
            raise CommandError(str(wrong)) from wrong
        self.stdout.write(text)
