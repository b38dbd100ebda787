"""One small provider for everything secret: field encryption, blind indexes, signatures of notices.

Suites: `aes` (AES-256-GCM, HMAC-SHA-256) and `sm` (SM4-GCM, HMAC-SM3; GM/T 0002, GM/T 0004), chosen by
`RUXUE_CRYPTO`. A ciphertext is suite byte ‖ 12-byte nonce ‖ GCM output, so a change of suite reads old rows.
"""

from __future__ import annotations

import hmac
import os
import secrets
from functools import cache, lru_cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.signals import setting_changed
from django.dispatch import receiver

_AES, _SM4 = b"\x01", b"\x02"
_seeded: _SeededKeys | None = None


class CryptoError(ValueError):
    """A stored value could not be decrypted: another key, or changed bytes."""


def master_key() -> bytes:
    """The city's 32-byte master key, from settings; losing it loses every encrypted field."""
    return _settings()[0]


@cache
def _settings() -> tuple[bytes, bytes]:
    """Master key and suite, read once: a family's verification needs them a hundred times."""
    from django.conf import settings

    return bytes.fromhex(settings.RUXUE_MASTER_KEY), _SM4 if settings.RUXUE_CRYPTO == "sm" else _AES


@receiver(setting_changed)
def _forget(**_: object) -> None:
    _settings.cache_clear()


@lru_cache(maxsize=64)
def _derived(master: bytes, purpose: str, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt=None, info=b"ruxue/" + purpose.encode()).derive(master)


@lru_cache(maxsize=64)
def _aes(master: bytes, purpose: str) -> AESGCM:
    return AESGCM(_derived(master, purpose, 32))


def encrypt(plain: bytes, purpose: str) -> bytes:
    """Authenticated encryption of `plain`; `purpose` separates keys, so a value can't be moved to another column."""
    (master, suite), nonce = _settings(), secrets.token_bytes(12)
    if suite == _AES:
        return suite + nonce + _aes(master, purpose).encrypt(nonce, plain, None)
    enc = Cipher(algorithms.SM4(_derived(master, "sm4/" + purpose, 16)), modes.GCM(nonce)).encryptor()
    body = enc.update(plain) + enc.finalize()
    return suite + nonce + body + enc.tag


def decrypt(stored: bytes, purpose: str) -> bytes:
    """Inverse of `encrypt`. Raises CryptoError where the key or the bytes are not what they were."""
    suite, nonce, body = stored[:1], stored[1:13], stored[13:]
    try:
        if suite == _AES:
            return _aes(master_key(), purpose).decrypt(nonce, body, None)
        key = _derived(master_key(), "sm4/" + purpose, 16)
        dec = Cipher(algorithms.SM4(key), modes.GCM(nonce, body[-16:])).decryptor()
        return dec.update(body[:-16]) + dec.finalize()
    except Exception as error:
        raise CryptoError(f"a stored {purpose} can't be decrypted with this master key") from error


def blind_index(value: str, purpose: str) -> str:
    """Keyed digest (hex) that finds an equal value without storing it in the clear."""
    master, suite = _settings()
    key, data = _derived(master, "index/" + purpose, 32), value.strip().upper().encode()
    if suite == _AES:
        return hmac.digest(key, data, "sha256").hex()
    mac = HMAC(key, hashes.SM3())
    mac.update(data)
    return mac.finalize().hex()


def signing_key() -> Ed25519PrivateKey:
    """Ed25519 key that signs notices and tree heads; its public half is published at /log."""
    return Ed25519PrivateKey.from_private_bytes(_derived(master_key(), "sign", 32))


def public_signing_key() -> str:
    """The public half of `signing_key`, hex."""
    return signing_key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


class _SeededKeys:
    def __init__(self, seed: bytes) -> None:
        self.seed, self.count = seed, 0

    def token(self, length: int) -> bytes:
        self.count += 1
        return HKDF(hashes.SHA256(), length, salt=None, info=self.count.to_bytes(8, "big")).derive(self.seed)


def seed_public_keys(seed: bytes | None) -> None:
    """Makes this process's public keys repeatable, for a simulated season only; None makes them random again."""
    global _seeded
    _seeded = _SeededKeys(seed) if seed is not None else None


_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # no 0/o, 1/l/i: read aloud on the phone


def public_key(length: int = 20) -> str:
    """A random name for URLs and receipts: unguessable (4.95 bits a character), readable aloud."""
    raw = _seeded.token(length * 2) if _seeded else os.urandom(length * 2)
    return "".join(_ALPHABET[int.from_bytes(raw[2 * i : 2 * i + 2], "big") % 31] for i in range(length))


def is_public_key(text: str) -> bool:
    """True for a text that has the form of a public key of the usual length."""
    return len(text) == 20 and set(text) <= set(_ALPHABET)
