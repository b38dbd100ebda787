"""Gateways that send sign-in codes; a city plugs in its own by `RUXUE_SMS`."""

from __future__ import annotations

import logging
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

log = logging.getLogger(__name__)


class Gateway(Protocol):
    """Sends `code` to `phone`. `shows_on_page` is true only where there is no real phone, as in the demo."""

    shows_on_page: bool

    def send(self, phone: str, code: str) -> None: ...


class OnPageGateway:
    """Demo: the code appears on the page, as nobody owns the synthetic numbers."""

    shows_on_page = True

    def send(self, phone: str, code: str) -> None:
        return None


class LogGateway:
    """Default of a new installation until a real gateway is named: says in the log that one is missing, never the code."""

    shows_on_page = False

    def send(self, phone: str, code: str) -> None:
        log.error("no SMS gateway is configured: set RUXUE_SMS; the code was not sent")


def gateway() -> Gateway:
    made: Gateway = import_string(settings.SMS_GATEWAY)()
    return made
