//! Which addresses are of the public internet. Whoever names a host for the gateway to connect to must not reach through it
//! what is only within the gateway's reach, so this is asked of every address before it is connected to, for providers here
//! and for receivers of webhooks in the process.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is one of the public internet (IANA: special-purpose address registries).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // This network, private, loopback, multicast, reserved and broadcast.
        (0 | 10 | 127 | 224..=255, _, _) => true,
        // Shared between carriers.
        (100, 64..=127, _) => true,
        // Link-local, where clouds tell their machines who they are.
        (169, 254, _) => true,
        (172, 16..=31, _) => true,
        // Protocol assignments, documentation, the former relays of 6to4.
        (192, 0, 0 | 2) | (192, 88, 99) | (192, 168, _) => true,
        // Benchmarks and documentation.
        (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let inner = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match [a, b, c, d, e, f] {
        // IPv4 in other clothes: mapped, and translated (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => inner(g, h),
        // 6to4.
        [0x2002, high, low, ..] => inner(high, low),
        // Protocol assignments with Teredo, and documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // All other global unicast, and nothing else.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At each border of a range one address from beyond it.
    const PUBLIC: &str = "
        8.8.8.8 1.1.1.1 9.255.255.255 11.0.0.1 126.255.255.255 128.0.0.1 100.63.255.255 100.128.0.1
        169.253.255.255 169.255.0.1 172.15.255.255 172.32.0.1 192.1.2.3 192.167.255.255 192.169.0.1
        198.17.255.255 198.20.0.1 203.0.114.1 223.255.255.255 2606:4700::1111 2001:200::1 ::ffff:8.8.8.8
        2002:808:808::1 64:ff9b::808:808
    ";
    /// And those from within.
    const SPECIAL: &str = "
        0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 127.0.0.1 127.1.2.3 127.255.255.255 100.64.0.1 100.127.255.255
        169.254.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1 192.88.99.1 192.168.0.1
        192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255
        :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 2002:7f00:1::1
        64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001::1 2001:db8::1 3fff::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1
        ff02::1
    ";

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        for (addresses, public) in [(PUBLIC, true), (SPECIAL, false)] {
            for address in addresses.split_whitespace() {
                assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
            }
        }
    }
}
