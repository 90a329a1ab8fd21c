"""What a cashier types as a phone number, under the name the desk knows it by; the centre reads them alike."""

from drivers.vocabulary.phones import TYPED_LENGTH_MAX, normalise

__all__ = ["TYPED_LENGTH_MAX", "normalise"]
