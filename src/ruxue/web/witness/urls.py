from django.urls import path

from ruxue.web.witness import views

app_name = "witness"
urlpatterns = [
    path("p/<str:key>", views.projector, name="projector"),
    path("p/<str:key>/pulse", views.pulse, name="pulse"),
    path("p/<str:key>/minutes.pdf", views.paper, name="minutes"),
    path("p/<str:key>/here/<str:hall>", views.here, name="here"),
    path("h/<str:token>", views.present, name="present"),
    path("w/<str:token>", views.witness, name="witness"),
]
