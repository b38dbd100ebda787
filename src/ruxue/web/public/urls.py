from django.urls import path

from ruxue.web.public import seats, views

app_name = "public"
urlpatterns = [
    path("", views.landing, name="landing"),
    path("lookup", views.lookup, name="lookup"),
    path("timetable", views.timetable, name="timetable"),
    path("schools", views.schools, name="schools"),
    path("schools/<str:code>", views.school, name="school"),
    path("seats", seats.heat, name="heat"),
    path("lotteries/<str:key>", seats.lottery_page, name="lottery"),
    path("lotteries/<str:key>/bundle.json", seats.lottery_bundle, name="lottery_bundle"),
    path("lotteries/w/<str:token>", seats.lottery_witness, name="lottery_witness"),
    path("suggest", views.suggest_compounds, name="suggest"),
    path("which", views.which, name="which"),
    path("rules/<slug:district>", views.rule, name="rule"),
    path("rules/<slug:district>/text", views.rule_text, name="rule_text"),
    path("rules/<slug:district>/check", views.rule_check, name="rule_check"),
    path("results", views.results, name="results"),
    path("results/<str:code>", views.results_school, name="results_school"),
    path("statistics", views.statistics, name="statistics"),
    path("draws", views.draws, name="bundles"),
    path("draws/<str:key>", views.draw, name="draw"),
    path("draws/<str:key>/bundle.json", views.bundle, name="bundle"),
    path("draws/<str:key>/verify", views.verifier, name="verify_draw"),
    path("verify", views.verifier, name="verify"),
    path("log", views.log, name="log"),
    path("log/head.json", views.head, name="head"),
    path("n/<str:number>", views.notice, name="notice"),
    path("help", views.help_, name="help"),
    path("accessibility", views.accessibility, name="accessibility"),
    path("privacy", views.privacy, name="privacy"),
]
