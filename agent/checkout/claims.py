"""The claim code of a receipt, under the name the desk knows it by; the centre makes the same ones."""

from drivers.vocabulary.claims import claim_code, normal_claim

__all__ = ["claim_code", "normal_claim"]
