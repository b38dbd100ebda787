"""Pages by audience; templates, static files, locale."""
