from django.urls import path

from ruxue.web.witness import views

app_name = "witness"
urlpatterns = [
    path("p/<str:key>", views.projector, name="projector"),
    path("w/<str:token>", views.witness, name="witness"),
]
