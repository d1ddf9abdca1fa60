"""Django's WSGI application, behind asgi.py (Django's ASGI handler costs about nine times as much)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.base")
application = get_wsgi_application()
