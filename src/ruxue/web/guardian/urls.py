from django.urls import path

from ruxue.web.guardian import asked, choices, views

app_name = "guardian"
urlpatterns = [
    path("", views.home, name="home"),
    path("signin", views.signin, name="signin"),
    path("consent", views.consent, name="consent"),
    path("new", views.new, name="new"),
    path("settings", views.settings, name="settings"),
    path("help", views.help_, name="help"),
    path("a/<str:key>/", views.status, name="status"),
    path("a/<str:key>/save", views.save, name="save"),
    path("a/<str:key>/child", views.child, name="child"),
    path("a/<str:key>/guardians", views.people, name="people"),
    path("a/<str:key>/home", views.dwelling, name="dwelling"),
    path("a/<str:key>/check", views.check, name="check"),
    path("a/<str:key>/upload", views.upload, name="upload"),
    path("a/<str:key>/licence", views.licence, name="licence"),
    path("a/<str:key>/book", views.book, name="book"),
    path("a/<str:key>/object", views.object_, name="object"),
    path("a/<str:key>/answer", views.answer, name="answer"),
    path("a/<str:key>/why", views.why, name="why"),
    path("a/<str:key>/again", views.ask_again, name="ask_again"),
    path("a/<str:key>/waive", views.waive, name="waive"),
    path("a/<str:key>/withdraw", views.withdraw, name="withdraw"),
    path("a/<str:key>/notice.pdf", views.notice, name="notice"),
    path("a/<str:key>/choices", choices.choices, name="choices"),
    path("a/<str:key>/choices/chances", choices.chances, name="chances"),
    path("a/<str:key>/choices/promotion", choices.promotion, name="promotion"),
    path("a/<str:key>/asked", asked.asked, name="asked"),
    path("a/<str:key>/asked/<uuid:request_id>", asked.dispute, name="dispute"),
]
