from django.urls import path

from ruxue.web.bureau import departments, rules, steps, views

app_name = "bureau"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("calendar", views.calendar, name="calendar"),
    path("plans", views.plans, name="plans"),
    path("rules", rules.overview, name="rules"),
    path("rules/drafts/<str:key>", rules.draft, name="rule_draft"),
    path("rules/drafts/<str:key>/check", rules.check, name="rule_check"),
    path("rules/drafts/<str:key>/remarks", rules.remarks, name="rule_remarks"),
    path("rules/drafts/<str:key>/step", rules.step, name="rule_step"),
    path("rules/drafts/<str:key>/what-if", rules.ask, name="rule_ask"),
    path("rules/versions/<int:number>", rules.version, name="rule_version"),
    path("rules/what-if/<str:key>.xlsx", rules.export, {"form": "xlsx"}, name="what_if_export"),
    path("rules/what-if/<str:key>.csv", rules.export, {"form": "csv"}, name="what_if_csv"),
    path("rules/what-if/<str:key>", rules.what_if, name="what_if"),
    path("steps", steps.steps, name="steps"),
    path("steps/appeal", steps.appeal, name="appeal"),
    path("objections", views.objections, name="objections"),
    path("ceremonies", views.ceremonies, name="ceremonies"),
    path("insight", views.insight, name="insight"),
    path("people", views.people, name="people"),
    path("departments", departments.departments, name="departments"),
    path("departments/<str:item>", departments.item, name="department_item"),
    path("log", views.access_log, name="log"),
    path("city", views.city, name="city"),
]
