"""Which address a robot has: a name is resolved once, what it means is checked, and that address is the one spoken to.

A name that means another address later (a lease that ran out, somebody who answers for it) changes nothing while the
line is open; when the address no longer answers, the error says where the name leads now.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult

from vesiflow.errors import ConfigError, NotSent

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""A host name's addresses; OSError when it has none."""

_METADATA = ("169.254.169.254", "fd00:ec2::254", "metadata.google.internal")


async def by_system(host: str) -> Sequence[str]:
    """As the operating system resolves it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


@dataclass(frozen=True, slots=True)
class Pinned:
    """The `address` that `host` meant when the line was opened."""

    host: str
    address: str
    resolve: Resolve

    async def moved(self) -> str:
        """Where the name leads now, when that is elsewhere; "" when nothing changed or nobody knows."""
        if self.host == self.address:
            return ""
        try:
            found = await self.resolve(self.host)
        except OSError:
            return ""
        return "" if self.address in found else f"{self.host} is {', '.join(found)} now, it was {self.address}"

    def url(self, parts: SplitResult) -> str:
        """The address instead of the name, in an URL."""
        there = f"[{self.address}]" if ":" in self.address else self.address
        return f"{parts.scheme}://{there}" + (f":{parts.port}" if parts.port else "")


async def pinned(host: str, hosts: tuple[str, ...], resolve: Resolve) -> Pinned:
    """The address of `host`; ConfigError for a host or an address that is not allowed, NotSent when it has none."""
    refuse_stranger(host, hosts)
    if _is_address(host):
        return Pinned(host, host, resolve)
    try:
        found = await resolve(host)
    except OSError as error:
        raise NotSent("the name has no address", value=host, remedy="check the name and the network") from error
    for address in found:
        refuse_address(address, hosts, host)
    return Pinned(host, found[0], resolve)


def refuse_stranger(host: str, hosts: tuple[str, ...]) -> None:
    """ConfigError unless `host` is listed, or nothing is listed and it is an address of a private network or .local."""
    if host in _METADATA and host not in hosts:
        raise ConfigError("the metadata service of a cloud is no robot", value=host, remedy="mend `at:`")
    if hosts:
        if host not in hosts:
            raise ConfigError("host not allowed", value=host, bounds=", ".join(hosts), remedy="add it to `hosts:`")
    elif _is_address(host):
        refuse_address(host, hosts, host)
    elif host != "localhost" and not host.endswith(".local"):
        raise ConfigError("a robot by name must be listed", value=host, remedy="add `hosts: [name]`")


def refuse_address(address: str, hosts: tuple[str, ...], host: str) -> None:
    """ConfigError unless the address that `host` means is listed itself or one of a private network."""
    if address in hosts:
        return
    found = ipaddress.ip_address(address.partition("%")[0])
    if address in _METADATA or not (found.is_private or found.is_link_local or found.is_loopback):
        value = address if address == host else f"{host} is {address}"
        remedy = "add `hosts: [address]` if it is yours"
        raise ConfigError("a robot is not on the internet", value=value, remedy=remedy)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
