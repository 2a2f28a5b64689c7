"""The connections below the HTTP client: aiohttp's, behind httpx. They tell whether a request that failed had left."""

from __future__ import annotations

import ssl
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from ml_connector.core.hosts import HostPolicy


class Unsent(Exception):
    """No connection: not a byte of the request has left."""


class Lost(Exception):
    """The connection was lost after the request had begun to leave."""


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()  # 20 ms: once a process


def open_client(
    hosts: HostPolicy, *, connections: int, connect_timeout: float, try_timeout: float
) -> httpx.AsyncClient:
    """A client of these hosts without redirects, cookies or proxies. Times are in seconds; a request that fails raises
    `Unsent` or `Lost`, or what httpx and aiohttp raise while the answer comes."""

    def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections,
                # Short, because a write on a connection that the vendor is just closing has an unknown outcome.
                keepalive_timeout=10,
                resolver=hosts.resolver(),
                ssl=_tls(),
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(_classify_failures,),
        )

    return httpx.AsyncClient(
        transport=AiohttpTransport(verify=_tls(), client=session),
        headers={"user-agent": "ml-connector"},
        # "pool" bounds all that comes before the first byte: then a try's own time-out is never about connecting.
        timeout=httpx.Timeout(try_timeout, connect=connect_timeout, pool=connect_timeout),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        trust_env=False,
    )


async def _classify_failures(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Say whether a request that failed had begun to leave.

    The transport maps a reset connection and a refused one to the same exception, and aiohttp itself repeats PUT and
    DELETE on a lost connection, unless what it sees is an exception that it does not know.
    """
    try:
        return await send(request)
    except aiohttp.ClientConnectorCertificateError as error:
        raise Unsent("the certificate of the host is not trusted") from error
    except aiohttp.ClientConnectorDNSError as error:
        raise Unsent("the name of the host cannot be resolved") from error
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
        raise Unsent("no connection") from error
    except (aiohttp.ClientError, OSError) as error:
        raise Lost from error
