"""Django settings: everything that a city changes comes from environment variables (docs/operations.md)."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from urllib.parse import unquote, urlparse

from ruxue import embedded

VAR = embedded.var_dir()
BASE = Path(__file__).resolve().parent
DEMO = os.environ.get("RUXUE_DEMO", "") == "1"
DEBUG = os.environ.get("RUXUE_DEBUG", "") == "1"


def _secret(name: str) -> str:
    """A secret from the environment, else one made once and kept in `var/secrets` for its owner alone."""
    if value := os.environ.get(name.upper()):
        return value
    folder = VAR / "secrets"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / name
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return path.read_text().strip()


SECRET_KEY = _secret("ruxue_secret_key")
RUXUE_MASTER_KEY = _secret("ruxue_master_key")
RUXUE_CRYPTO = os.environ.get("RUXUE_CRYPTO", "aes")

ALLOWED_HOSTS = os.environ.get("RUXUE_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [o for o in os.environ.get("RUXUE_ORIGINS", "").split(",") if o]
_HTTPS = os.environ.get("RUXUE_HTTPS", "") == "1"

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "procrastinate.contrib.django",
    "ruxue.ledger",
    "ruxue.accounts",
    "ruxue.places",
    "ruxue.exchange",
    "ruxue.applications",
    "ruxue.admissions",
    "ruxue.classes",
    "ruxue.insight",
    "ruxue.web",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "ruxue.web.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "ruxue.web.middleware.PageMiddleware",
]

ROOT_URLCONF = "ruxue.web.urls"
WSGI_APPLICATION = "ruxue.web.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ruxue.web.context.page",
            ],
        },
    }
]


def _database(url: str) -> dict[str, object]:
    parts = urlparse(url)
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ.get("RUXUE_DATABASE") or unquote(parts.path.lstrip("/")) or "postgres",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(query.pop("host", parts.hostname or "")),
        "PORT": str(parts.port or ""),
        "OPTIONS": {**query, "pool": {"min_size": 1, "max_size": 12}},
    }


DATABASE_URL = os.environ.get("DATABASE_URL") or embedded.start(VAR)
DATABASES = {"default": _database(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LOCALE_PATHS = [BASE / "locale"]
LANGUAGE_COOKIE_NAME = "ruxue_language"
LANGUAGE_COOKIE_SAMESITE = "Lax"
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"

STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": VAR / "uploads", "base_url": None},
    },
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if os.environ.get("RUXUE_STATIC") == "built"
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = os.environ.get("RUXUE_STATIC") != "built"
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024
UPLOAD_MAX_BYTES = 10 * 1024 * 1024

SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = _HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "ruxue.web.errors.csrf_failure"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)

SMS_GATEWAY = os.environ.get(
    "RUXUE_SMS", "ruxue.accounts.sms.OnPageGateway" if DEMO else "ruxue.accounts.sms.LogGateway"
)

SEAL_BY_WORKER = os.environ.get("RUXUE_SEAL", "1") == "1"  # a repeatable season seals between its phases instead

DEPARTMENTS_URL = os.environ.get("RUXUE_DEPARTMENTS", "http://127.0.0.1:8101")
DEPARTMENTS_CLIENT = os.environ.get("RUXUE_DEPARTMENTS_CLIENT", "ruxue")
DEPARTMENTS_KEY = os.environ.get("RUXUE_DEPARTMENTS_KEY", "demo-departments-key")
DEPARTMENTS_BATCH = 100
DEPARTMENTS_CONCURRENCY = 8
DEPARTMENTS_RATE = float(os.environ.get("RUXUE_DEPARTMENTS_RATE", "400"))
DEPARTMENTS_TIMEOUT = 15.0
# Items beside the 18 that are asked where no connectors file says so: "X2 X10", or "all".
DEPARTMENTS_EXTENSIONS = os.environ.get("RUXUE_EXTENSIONS", "")
CONNECTORS = os.environ.get("RUXUE_CONNECTORS", "")  # a YAML or JSON file: departments of other shapes and limits
METRICS_TOKEN = os.environ.get("RUXUE_METRICS_TOKEN", "")

POLICIES = Path(os.environ.get("RUXUE_POLICIES") or BASE.parent.parent / "policies")

PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("RUXUE_LOG", "WARNING")},
}
