"""Model fields whose values stand encrypted in the database."""

from __future__ import annotations

from typing import Any

import orjson
from django.db import models

from ruxue import crypto


class EncryptedJSONField(models.BinaryField):
    """JSON encrypted as a whole; the column's table and name are part of the key's purpose."""

    _pyi_private_get_type: Any  # django-stubs: what a row holds is the value, not its bytes
    _pyi_private_set_type: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["editable"] = False
        super().__init__(*args, **kwargs)

    def _purpose(self) -> str:
        return f"{self.model._meta.db_table}.{self.name}"

    def sealed(self, value: Any) -> bytes | None:
        """The bytes that stand in the column for `value`."""
        return None if value is None else crypto.encrypt(orjson.dumps(value), self._purpose())

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return super().get_db_prep_value(self.sealed(value), connection, prepared)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return None if value is None else orjson.loads(crypto.decrypt(bytes(value), self._purpose()))

    def to_python(self, value: Any) -> Any:
        return value
