"""Downloads connect to public addresses only."""

import pytest

from runner.transport.addresses import AddressGuard, BlockedError, is_public

PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:7f00:1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001:db8::1",
    "2001:0:7f00:1::1",
    "2001:20::1",
    "2001:2::1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "2002:c0a8:1::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "2606:4700::5efe:10.0.0.1",
    "2606:4700::200:5efe:192.168.0.1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "::ffff:100.64.0.1",
    "4000::1",
    "localhost",
    "127.1",
    "0x7f000001",
    "2130706433",
    "017700000001",
]

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "20.150.0.1",
    "104.16.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "198.17.0.1",
    "198.20.0.1",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_inside_a_network_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_on_the_internet_is_public(address: str) -> None:
    assert is_public(address)


def guard(
    names: dict[str, list[str]], base_url: str = "", allow: tuple[str, ...] = ()
) -> AddressGuard:
    async def lookup(host: str, port: int) -> list[str]:
        if host not in names:
            raise OSError("no such name")
        return names[host]

    return AddressGuard(base_url=base_url, allow_hosts=allow, lookup=lookup)


async def test_every_address_of_a_name_must_be_public() -> None:
    names = {"good": ["8.8.8.8", "1.1.1.1"], "mixed": ["8.8.8.8", "10.0.0.1"]}
    one = guard(names)
    assert await one.addresses("good", 443) == ["8.8.8.8", "1.1.1.1"]
    with pytest.raises(BlockedError, match="--allow-host mixed"):
        await one.addresses("mixed", 443)


async def test_the_users_own_base_url_is_exempt_at_its_port_only() -> None:
    one = guard({"gateway.lan": ["10.0.0.5"]}, base_url="http://Gateway.lan:3000/v1")
    assert await one.addresses("gateway.lan", 3000) == ["10.0.0.5"]
    with pytest.raises(BlockedError):
        await one.addresses("gateway.lan", 22)


async def test_an_allowed_host_may_be_anywhere() -> None:
    one = guard({"nas": ["192.168.1.2"]}, allow=("NAS",))
    assert await one.addresses("nas", 80) == ["192.168.1.2"]


async def test_fake_addresses_count_only_where_the_gateway_has_one_too() -> None:
    names = {"cdn": ["198.18.0.9"], "gate": ["198.18.0.7"], "real": ["8.8.8.8"]}
    assert await guard(names, base_url="https://gate").addresses("cdn", 443) == ["198.18.0.9"]
    for base_url in ("https://real", "", "https://gone", "http://198.18.0.1:8080"):
        with pytest.raises(BlockedError):
            await guard(names, base_url=base_url).addresses("cdn", 443)


async def test_that_fake_addresses_pass_is_said_once() -> None:
    said: list[str] = []
    names = {"cdn": ["198.18.0.9"], "gate": ["198.18.0.7"]}

    async def lookup(host: str, _port: int) -> list[str]:
        return names[host]

    one = AddressGuard(base_url="https://gate", lookup=lookup, on_fake=said.append)
    for _ in range(2):
        await one.addresses("cdn", 443)
    assert said == ["gate"]


async def test_a_literal_address_is_checked_without_a_lookup() -> None:
    with pytest.raises(BlockedError):
        await guard({}).addresses("169.254.169.254", 80)
    assert await guard({}).addresses("8.8.8.8", 80) == ["8.8.8.8"]


async def test_the_systems_own_lookup_sees_through_odd_spellings() -> None:
    for odd in ("127.1", "2130706433", "0x7f.1", "localhost"):
        with pytest.raises((BlockedError, OSError)):
            await AddressGuard().addresses(odd, 80)
