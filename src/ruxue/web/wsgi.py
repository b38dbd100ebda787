"""WSGI application, served by Granian."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ruxue.settings")
application = get_wsgi_application()

from ruxue.exchange import connections  # noqa: E402  (needs the application's settings)

connections.current()  # a connectors file that can't be used is named at the start, not by a family's page
