//! `homepot health`: the probe of a container that has no shell and no curl.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::Context as _;
use homepot_host::settings::parse_time;

/// The server to ask, and how long to wait.
#[derive(Debug, clap::Args)]
pub(crate) struct HealthArgs {
    /// The server's ops address.
    #[arg(long, env = "HOMEPOT_OPS_ADDR", value_name = "IP:PORT", default_value = "127.0.0.1:9464")]
    ops_addr: SocketAddr,
    /// How long to wait for each step: the connection, and the answer.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = parse_time)]
    timeout: Duration,
}

/// An error when the server is not ready.
pub(crate) fn run(args: &HealthArgs) -> anyhow::Result<()> {
    let address = reachable(args.ops_addr);
    let mut stream = TcpStream::connect_timeout(&address, args.timeout)
        .with_context(|| format!("nobody answers at {address}; is `homepot serve` running?"))?;
    stream.set_read_timeout(Some(args.timeout))?;
    stream.set_write_timeout(Some(args.timeout))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: homepot\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer).with_context(|| format!("no answer from {address}"))?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).trim();
    anyhow::ensure!(answer.starts_with("HTTP/1.1 200 "), "{}", if body.is_empty() { "not ready" } else { body });
    Ok(())
}

/// Where a server that listens on `address` can be reached from this machine.
pub(crate) fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        address.set_ip(loopback[usize::from(address.is_ipv6())]);
    }
    address
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader},
        net::TcpListener,
    };

    use super::*;

    fn asked(answer: &'static str) -> anyhow::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ops_addr = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let request = BufReader::new(&stream).lines().map(Result::unwrap);
            assert!(request.take_while(|line| !line.is_empty()).count() > 0);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let told = run(&HealthArgs { ops_addr, timeout: Duration::from_secs(10) });
        server.join().unwrap();
        told
    }

    #[test]
    fn only_a_server_that_says_it_is_ready_is_healthy() {
        assert!(asked("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nready\n").is_ok());
        let error = asked("HTTP/1.1 503 Service Unavailable\r\n\r\nnot ready: draining\n").unwrap_err();
        assert_eq!(error.to_string(), "not ready: draining");
        assert!(asked("").is_err());
    }

    #[test]
    fn nobody_there_is_an_error_with_a_hint() {
        let ops_addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = run(&HealthArgs { ops_addr, timeout: Duration::from_secs(1) }).unwrap_err();
        assert!(error.to_string().contains("is `homepot serve` running?"), "{error}");
    }

    #[test]
    fn a_server_that_listens_everywhere_is_reached_on_loopback() {
        assert_eq!(reachable("0.0.0.0:1".parse().unwrap()).to_string(), "127.0.0.1:1");
        assert_eq!(reachable("[::]:1".parse().unwrap()).to_string(), "[::1]:1");
        assert_eq!(reachable("10.0.0.7:1".parse().unwrap()).to_string(), "10.0.0.7:1");
    }
}
