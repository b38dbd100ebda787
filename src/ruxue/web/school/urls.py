from django.urls import path

from ruxue.web.school import classes, views

app_name = "school"
urlpatterns = [
    path("", views.today, name="today"),
    path("queue", views.queue, name="queue"),
    path("bulk", views.bulk, name="bulk"),
    path("file/<str:key>", views.file, name="file"),
    path("document/<str:key>", views.document, name="document"),
    path("slots", views.slots, name="slots"),
    path("results", views.results, name="results"),
    path("register", views.pupil_register, name="register"),
    path("export", views.export, name="export"),
    path("classes", classes.classes, name="classes"),
    path("classes/rehearsal", classes.rehearsal, name="rehearsal"),
    path("classes/rehearsal.json", classes.rehearsal_bundle, name="rehearsal_bundle"),
]
