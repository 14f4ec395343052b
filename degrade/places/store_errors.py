"""What object stores answer when they refuse, and what a person can do about it."""

from __future__ import annotations

import re

from degrade.errors import printable

__all__ = ["is_lasting", "is_no_bucket", "reason_of", "remedy_of", "without_credentials"]

_OTHERWISE = "check network, address and credentials, then run the same command again"

# In the order in which they are looked for: error codes of S3, then words of its libraries.
_REMEDIES = {
    r"NoSuchBucket|bucket does not exist": "make the bucket, or check its name",
    r"NoCredentials|Unable to locate credentials|PartialCredentials": (
        "give credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
    ),
    r"RequestTimeTooSkewed|time.*too large|RequestExpired": "set the clock of this machine",
    r"ExpiredToken|InvalidToken|TokenRefresh": "renew the credentials: they have expired",
    r"InvalidAccessKeyId|SignatureDoesNotMatch|InvalidClientTokenId|AuthFailure": (
        "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: the store does not know them"
    ),
    r"PermanentRedirect|IllegalLocationConstraint|AuthorizationHeaderMalformed": (
        "set AWS_DEFAULT_REGION to the bucket's region, and AWS_ENDPOINT_URL to its endpoint"
    ),
    r"Quota|EntityTooLarge|StorageFull|InsufficientStorage": (
        "the store has no more room for you: free some, or choose another place"
    ),
    r"SlowDown|Throttl|TooManyRequests|RequestLimit|Service Unavailable|ServerBusy": (
        "the store is asked too often: wait, and run the same command again with fewer processes"
    ),
    r"AccessDenied|Access Denied|Forbidden|AllAccessDisabled": (
        "let these credentials list, read, write and delete there, or use others"
    ),
    r"Could not connect|EndpointConnection|ConnectTimeout|Connection refused|Name or service"
    r"|getaddrinfo|NameResolution|ProxyConnection": (
        "check the network and AWS_ENDPOINT_URL, then run the same command again"
    ),
    r"SSL|CERTIFICATE": "check the endpoint's certificate, or AWS_CA_BUNDLE",
}

_LASTING = re.compile(r"NoCredentials|Unable to locate credentials|PartialCredentials")


def remedy_of(error: BaseException) -> str:
    """Return what a person can do about an error of a store."""
    said = _all_said(error)
    found = (remedy for words, remedy in _REMEDIES.items() if re.search(words, said))
    return next(found, _OTHERWISE)


def is_lasting(error: BaseException) -> bool:
    """Tell whether to ask again would be in vain."""
    return isinstance(error, PermissionError) or bool(_LASTING.search(_all_said(error)))


def is_no_bucket(error: BaseException) -> bool:
    """Tell whether what is missing is not an object, but the whole bucket."""
    return bool(re.search(next(iter(_REMEDIES)), _all_said(error)))


def _all_said(error: BaseException | None) -> str:
    """Return the texts of an error and of those behind it."""
    texts: list[str] = []
    while error is not None and len(texts) < 9:
        texts.append(f"{type(error).__name__}: {error}")
        error = error.__cause__ or error.__context__
    return " ".join(texts)


def reason_of(error: Exception) -> str:
    """Return what went wrong on one short line."""
    lines = str(error).strip().splitlines() or [""]
    text = without_credentials(lines[0])[:200]
    return printable(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def without_credentials(text: str) -> str:
    """Cut what addresses may carry besides places: user and password, signed queries."""
    return re.sub(r"\?[^\s\"']*", "?…", re.sub(r"://[^/\s]*@", "://…@", text))
