from django.urls import path

from ruxue.web.bureau import departments, views

app_name = "bureau"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("calendar", views.calendar, name="calendar"),
    path("plans", views.plans, name="plans"),
    path("rules", views.policy, name="rules"),
    path("steps", views.steps, name="steps"),
    path("objections", views.objections, name="objections"),
    path("ceremonies", views.ceremonies, name="ceremonies"),
    path("insight", views.insight, name="insight"),
    path("people", views.people, name="people"),
    path("departments", departments.departments, name="departments"),
    path("departments/<str:item>", departments.item, name="department_item"),
    path("log", views.access_log, name="log"),
    path("city", views.city, name="city"),
]
