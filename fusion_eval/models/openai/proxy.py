"""Find the proxy that the environment names for an endpoint: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY."""

from __future__ import annotations

import ipaddress
import urllib.request
from urllib.parse import urlsplit

from fusion_eval.errors import ConfigError
from fusion_eval.text.redaction import without_userinfo


def proxy_for(base_url: str) -> str | None:
    """Return the URL of the proxy for requests to `base_url`; None where they go there directly.

    Requests to this machine never go through a proxy.

    Raises:
        ConfigError: The proxy does not speak HTTP.
    """
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy:
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if urlsplit(proxy).scheme not in ("http", "https"):
        raise ConfigError(
            f"The environment names the proxy {without_userinfo(proxy)} for {host}, and only HTTP proxies can be used; "
            f"add {host} to NO_PROXY, or name an HTTP proxy"
        )
    return proxy


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False
