//! The PROXY protocol, version 2: a load balancer that passes bytes on says before them who its client is.
//!
//! A trusted proxy that makes its own calls, such as a gateway of this server, has nobody's address to tell and sends no header.
//! It can't be mistaken: neither TLS nor HTTP begins with the header's first byte.
//!
//! The form is that of HAProxy's specification (proxy-protocol.txt, section 2.2): 16 bytes with the length of the rest, then
//! the addresses. It is a fixed layout of bytes, so reading it here is shorter than adapting a library to an async socket.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tokio::{io::AsyncReadExt as _, net::TcpStream};

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// A balancer sends the header before anything else.
const PATIENCE: Duration = Duration::from_secs(3);
/// More than all addresses and what balancers add to them.
const LONGEST: usize = 1024;

/// Who the client of a balancer is; the balancer itself, where it names none. Errors say what is wrong with its header.
pub(super) async fn client(stream: &mut TcpStream, balancer: SocketAddr) -> io::Result<SocketAddr> {
    let mut first = [0];
    let peeked = tokio::time::timeout(PATIENCE, stream.peek(&mut first)).await;
    match peeked.map_err(|_| late())?? {
        1 if first[0] == SIGNATURE[0] => {}
        _ => return Ok(balancer),
    }
    let read = tokio::time::timeout(PATIENCE, read(stream)).await;
    let (head, rest) = read.map_err(|_| late())??;
    parse(&head, &rest, balancer)
}

async fn read(stream: &mut TcpStream) -> io::Result<([u8; 16], Vec<u8>)> {
    let mut head = [0; 16];
    stream.read_exact(&mut head).await?;
    let length = usize::from(u16::from_be_bytes([head[14], head[15]]));
    if head[..12] != SIGNATURE || length > LONGEST {
        return Err(invalid("it is not PROXY protocol version 2"));
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await?;
    Ok((head, rest))
}

fn parse(head: &[u8; 16], rest: &[u8], balancer: SocketAddr) -> io::Result<SocketAddr> {
    match (head[12], head[13]) {
        // The balancer speaks for itself, to see whether somebody answers.
        (0x20, _) => Ok(balancer),
        // TCP over IPv4 and over IPv6: source, destination, their ports.
        (0x21, 0x11) => {
            let [a, b, c, d, _, _, _, _, high, low, ..] = *rest else {
                return Err(invalid("its addresses are cut off"));
            };
            Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), u16::from_be_bytes([high, low])))
        }
        (0x21, 0x21) => {
            let source: Option<[u8; 16]> = rest.get(..16).and_then(|bytes| bytes.try_into().ok());
            let (Some(source), Some(&[high, low])) = (source, rest.get(32..34)) else {
                return Err(invalid("its addresses are cut off"));
            };
            Ok(SocketAddr::new(IpAddr::V6(Ipv6Addr::from(source)), u16::from_be_bytes([high, low])))
        }
        (0x21, _) => Err(invalid("it names a client that did not come by TCP")),
        _ => Err(invalid("it is not PROXY protocol version 2")),
    }
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the PROXY header did not arrive")
}

fn invalid(told: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, told)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BALANCER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 443);

    fn parsed(command: u8, family: u8, rest: &[u8]) -> io::Result<SocketAddr> {
        let mut head = [0; 16];
        head[..12].copy_from_slice(&SIGNATURE);
        (head[12], head[13]) = (command, family);
        parse(&head, rest, BALANCER)
    }

    #[test]
    fn the_client_is_the_source_by_ipv4_and_ipv6_and_what_follows_the_addresses_is_passed_over() {
        let four = [192, 0, 2, 7, 10, 0, 0, 2, 0xd4, 0x31, 0x01, 0xbb, 0x03, 0, 4, 1, 2, 3, 4];
        assert_eq!(parsed(0x21, 0x11, &four).unwrap().to_string(), "192.0.2.7:54321");
        let mut six = [0; 36];
        six[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        six[15] = 7;
        (six[32], six[33]) = (0xd4, 0x31);
        assert_eq!(parsed(0x21, 0x21, &six).unwrap().to_string(), "[2001:db8::7]:54321");
    }

    #[test]
    fn a_balancer_may_speak_for_itself() {
        assert_eq!(parsed(0x20, 0x00, &[]).unwrap(), BALANCER);
    }

    #[test]
    fn what_is_cut_off_or_no_tcp_is_refused() {
        for (command, family, rest) in
            [(0x21, 0x11, &[0; 11][..9]), (0x21, 0x21, &[0; 33]), (0x21, 0x12, &[0; 12]), (0x11, 0x11, &[0; 12])]
        {
            assert!(parsed(command, family, rest).is_err(), "{command:x} {family:x}");
        }
    }
}
