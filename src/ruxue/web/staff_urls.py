from django.urls import path

from ruxue.web import staff

app_name = "staff"
urlpatterns = [path("", staff.signin, name="signin"), path("signout", staff.signout, name="signout")]
