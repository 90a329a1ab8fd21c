"""SOAP as Set Retail 10 speaks it when it pushes purchases: what a request asks, and the answers; a codec.

The service is ``Set10PurchasesService`` on our side: one call with a base64 of ``<purchases>``, answered true when it
was taken. Namespace and version of SOAP are settings of theirs, so the answer takes those of the request
(crystals.atlassian.net, «Веб-сервисы экспорта (на стороне ERP)»).
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr  # nosec - writes only

__all__ = ["NAMESPACE", "PURCHASES", "SERVICE", "Call", "Envelope", "SoapError", "read", "wsdl"]

SERVICE: Final = "Set10PurchasesService"
NAMESPACE: Final = "http://purchases.erpi.crystals.ru"
#: What tells sales; the others tell receipts that were annulled before they were paid.
PURCHASES: Final = frozenset({"processPurchases", "processPurchasesWithTI"})
CALLS: Final = (*sorted(PURCHASES), "processCancelledPurchases", "processCancelledPurchasesWithTI")
_SOAP: Final = {
    "http://schemas.xmlsoap.org/soap/envelope/": "text/xml; charset=utf-8",
    "http://www.w3.org/2003/05/soap-envelope": "application/soap+xml; charset=utf-8",
}
_SOAP_11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
_NOT_BASE64: Final = re.compile(r"[^A-Za-z0-9+/=\s]")
_DECLARES: Final = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


class SoapError(ValueError):
    """A request that is no call of this service, in words for whoever reads the sender's log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """How an answer is wrapped: as its request was.

    Attributes:
        soap: the namespace of the envelope, which is the version of SOAP.
        namespace: of the call.
        call: its name, "" before it is known.
    """

    soap: str = _SOAP_11
    namespace: str = NAMESPACE
    call: str = ""

    @property
    def content_type(self) -> str:
        """Of the answer."""
        return _SOAP[self.soap]

    def taken(self) -> bytes:
        """The answer to a call that was taken."""
        name = f"{self.call}Response"
        return self._wrap(
            f"<ns:{name} xmlns:ns={quoteattr(self.namespace)}><return>true</return></ns:{name}>",
        )

    def fault(self, sentence: str, *, is_ours: bool = False) -> bytes:
        """A refusal; `is_ours`: the same call may be taken later."""
        said = escape(sentence)
        if self.soap == _SOAP_11:
            code = "Server" if is_ours else "Client"
            return self._wrap(
                f"<soap:Fault><faultcode>soap:{code}</faultcode><faultstring>{said}</faultstring></soap:Fault>"
            )
        code = "Receiver" if is_ours else "Sender"
        return self._wrap(
            f"<soap:Fault><soap:Code><soap:Value>soap:{code}</soap:Value></soap:Code>"
            f'<soap:Reason><soap:Text xml:lang="en">{said}</soap:Text></soap:Reason></soap:Fault>'
        )

    def _wrap(self, inside: str) -> bytes:
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<soap:Envelope xmlns:soap="{self.soap}"><soap:Body>{inside}</soap:Body></soap:Envelope>'
        )
        return text.encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call.

    Attributes:
        purchases: the XML inside, as it came.
        version: of its schema, as they say.
    """

    envelope: Envelope
    purchases: bytes
    version: str = ""

    @property
    def is_of_sales(self) -> bool:
        """False for receipts that were annulled."""
        return self.envelope.call in PURCHASES


def read(body: bytes) -> Call:
    """One request; raises SoapError."""
    if _DECLARES.search(body.replace(b"\0", b"")):
        raise SoapError("the request declares entities, which no call needs")
    try:
        root = ET.fromstring(body)  # noqa: S314 - nothing is declared in it
    except (ET.ParseError, ValueError, LookupError) as error:
        raise SoapError(f"the request is no XML: {error}") from None
    soap, name = _split(root.tag)
    if name != "Envelope" or soap not in _SOAP:
        raise SoapError(f"the request is a <{name[:40]}> and no SOAP envelope")
    body_element = root.find(f"{{{soap}}}Body")
    if body_element is None or not len(body_element):
        raise SoapError("the envelope has no body")
    namespace, call = _split(body_element[0].tag)
    if call not in CALLS:
        raise SoapError(f"there is no call {call[:40]!r}; there are: {', '.join(CALLS)}")
    told = {_split(one.tag)[1]: (one.text or "") for one in body_element[0]}
    return Call(
        envelope=Envelope(soap=soap, namespace=namespace, call=call),
        purchases=_unpacked(told.get("purchases", "")),
        version=told.get("version", "")[:20],
    )


def _unpacked(text: str) -> bytes:
    if _NOT_BASE64.search(text):
        raise SoapError("<purchases> is not base64")
    try:
        data = binascii.a2b_base64(text.encode())
    except binascii.Error as error:
        raise SoapError(f"<purchases> is not base64: {error}") from None
    if not data:
        raise SoapError("<purchases> is empty")
    return data


def _split(tag: str) -> tuple[str, str]:
    """(namespace, name)."""
    namespace, brace, name = tag.rpartition("}")
    return (namespace.lstrip("{"), name) if brace else ("", tag)


def wsdl(address: str) -> bytes:
    """The service's description, for a sender that asks for one: document, wrapped, one parameter of base64."""
    messages = "".join(
        f'<message name="{call}"><part name="parameters" element="tns:{call}"/></message>'
        f'<message name="{call}Response"><part name="parameters" element="tns:{call}Response"/></message>'
        for call in CALLS
    )
    elements = "".join(
        f'<xs:element name="{call}"><xs:complexType><xs:sequence><xs:element name="purchases" type="xs:base64Binary"/>'
        f'<xs:element name="version" type="xs:string" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>'
        f'<xs:element name="{call}Response"><xs:complexType><xs:sequence><xs:element name="return" type="xs:boolean"/>'
        f"</xs:sequence></xs:complexType></xs:element>"
        for call in CALLS
    )
    operations = "".join(
        f'<operation name="{call}"><input message="tns:{call}"/><output message="tns:{call}Response"/></operation>'
        for call in CALLS
    )
    bindings = "".join(
        f'<operation name="{call}"><soap:operation soapAction=""/><input><soap:body use="literal"/></input>'
        f'<output><soap:body use="literal"/></output></operation>'
        for call in CALLS
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"'
        f' xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:tns="{NAMESPACE}" targetNamespace="{NAMESPACE}"'
        f' name="{SERVICE}"><types><xs:schema targetNamespace="{NAMESPACE}" elementFormDefault="unqualified">'
        f"{elements}</xs:schema></types>{messages}"
        f'<portType name="Set10Purchases">{operations}</portType>'
        f'<binding name="Set10PurchasesBinding" type="tns:Set10Purchases">'
        f'<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>{bindings}</binding>'
        f'<service name="{SERVICE}"><port name="Set10PurchasesPort" binding="tns:Set10PurchasesBinding">'
        f"<soap:address location={quoteattr(address)}/></port></service></definitions>"
    ).encode()
