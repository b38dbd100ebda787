from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from ruxue import crypto
from ruxue.accounts.fields import EncryptedJSONField


class UserManager(BaseUserManager["User"]):
    def by_phone(self, phone: str) -> User | None:
        return self.filter(phone_index=crypto.blind_index(phone, "phone")).first()

    def guardian(self, phone: str) -> User:
        """The account of this phone, made at its first sign-in."""
        user, _ = self.get_or_create(
            phone_index=crypto.blind_index(phone, "phone"), defaults={"phone": phone, "password": "!"}
        )
        return user

    def staff(self, username: str, password: str | None, display_name: str) -> User:
        user = User(username=username, display_name=display_name)
        user.set_password(password)
        user.save()
        return user


class User(AbstractBaseUser):
    """A person who signs in: a guardian by phone code, or staff by name and password with at least one role."""

    key = models.CharField(max_length=24, unique=True, default=crypto.public_key, editable=False)
    username = models.CharField(max_length=60, unique=True, null=True)
    display_name = models.CharField(max_length=60, blank=True)
    phone = EncryptedJSONField(null=True)
    phone_index = models.CharField(max_length=64, unique=True, null=True)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()

    @property
    def is_guardian(self) -> bool:
        return self.phone_index is not None

    def __str__(self) -> str:
        return self.display_name or self.key


class Role(models.TextChoices):
    REVIEWER = "reviewer", "school reviewer"
    HEAD = "head", "head of school"
    DISTRICT = "district", "district official"
    CITY = "city", "city official"
    AUDITOR = "auditor", "auditor"


class StaffRole(models.Model):
    """What a member of staff may do, and where: `scope` is a school's code, a district's key or empty for the city."""

    user = models.ForeignKey(User, models.CASCADE, related_name="roles")
    role = models.CharField(max_length=12, choices=Role.choices)
    scope = models.CharField(max_length=24, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "role", "scope"], name="one_role_in_a_scope")]


class PhoneCode(models.Model):
    """A sign-in code as sent by SMS; only its keyed digest is kept."""

    phone_index = models.CharField(max_length=64, db_index=True)
    address = models.CharField(max_length=45, db_index=True)
    digest = models.CharField(max_length=64)
    sent_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    used = models.BooleanField(default=False)


class Consent(models.Model):
    """A guardian's consent to data queries (PIPL art. 29, 31): what was shown, when, and whether it was taken back."""

    key = models.CharField(max_length=24, unique=True, default=crypto.public_key)
    user = models.ForeignKey(User, models.PROTECT, related_name="consents")
    text_version = models.CharField(max_length=20)
    items = models.JSONField()
    retention_until = models.DateField()
    given_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)


class Access(models.Model):
    """Who looked at or exported which family's data: append-only."""

    actor = models.ForeignKey(User, models.PROTECT, null=True)
    role = models.CharField(max_length=40)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=64, db_index=True)
    detail: Any = models.JSONField(default=dict)
    at = models.DateTimeField(db_index=True)
