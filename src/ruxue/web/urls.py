from django.urls import include, path
from django.views.i18n import set_language

from ruxue.web.metrics import metrics

handler404 = "ruxue.web.errors.not_found"
handler500 = "ruxue.web.errors.server_error"
urlpatterns = [
    path("language", set_language, name="set_language"),
    path("metrics", metrics, name="metrics"),
    path("g/", include("ruxue.web.guardian.urls")),
    path("staff/", include("ruxue.web.staff_urls")),
    path("s/", include("ruxue.web.school.urls")),
    path("b/", include("ruxue.web.bureau.urls")),
    path("", include("ruxue.web.witness.urls")),
    path("", include("ruxue.web.public.urls")),
]
