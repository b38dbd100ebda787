"""Signatures of messages between the city and its departments: HMAC-SHA-256, HMAC-SM3, SM2.

SM2 (GM/T 0003) needs the optional extra `ruxue[sm2]`; the other two come with the platform.
"""

from __future__ import annotations

import base64
import hmac
from typing import Literal

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

Method = Literal["none", "hmac-sha256", "hmac-sm3", "sm2"]
Encoding = Literal["hex", "base64"]


class SigningError(ValueError):
    """A signature can't be made: the key has the wrong form, or the extra is not installed."""


def make(method: Method, key: str, data: bytes, encoding: Encoding = "hex") -> str:
    """The signature of `data`. `key`: a shared secret, for SM2 the own private key as 64 hex digits."""
    if method == "none":
        return ""
    raw = _sm2(key, private=True).sign(data) if method == "sm2" else _mac(method, key, data)
    return raw.hex() if encoding == "hex" else base64.b64encode(raw).decode()


def is_valid(method: Method, key: str, data: bytes, signature: str, encoding: Encoding = "hex") -> bool:
    """Whether `signature` is that of `data`. `key` for SM2: the other side's public key, 04 and 128 hex digits."""
    if method == "none":
        return True
    try:
        given = bytes.fromhex(signature) if encoding == "hex" else base64.b64decode(signature, validate=True)
    except ValueError:
        return False
    if method == "sm2":
        return bool(_sm2(key, private=False).verify(data, given))
    return hmac.compare_digest(_mac(method, key, data), given)


def _mac(method: Method, key: str, data: bytes) -> bytes:
    mac = HMAC(key.encode(), hashes.SM3() if method == "hmac-sm3" else hashes.SHA256())
    mac.update(data)
    return mac.finalize()


class _Sm2:
    def __init__(self, key: str, private: bool) -> None:
        try:
            import gmalg
        except ImportError as error:
            raise SigningError("signing by SM2 needs the extra: pip install 'ruxue[sm2]'") from error
        try:
            raw = bytes.fromhex(key)
        except ValueError as error:
            raise SigningError("an SM2 key is written in hex digits") from error
        if len(raw) != (32 if private else 65):
            raise SigningError("an SM2 private key has 64 hex digits, a public key 04 and 128")
        uid = b"1234567812345678"  # the default identifier of GM/T 0009
        self._curve = gmalg.SM2(raw, uid) if private else gmalg.SM2(uid=uid, pk=raw)

    def sign(self, data: bytes) -> bytes:
        r, s = self._curve.sign(data)
        return bytes(r).rjust(32, b"\0") + bytes(s).rjust(32, b"\0")  # the library drops leading zeros

    def verify(self, data: bytes, signature: bytes) -> bool:
        return len(signature) == 64 and bool(self._curve.verify(data, signature[:32], signature[32:]))


def _sm2(key: str, private: bool) -> _Sm2:
    return _Sm2(key, private)
