//! Where the server is and how it is spoken to.

use std::time::Duration;

use homepot::{Error, model::ServerAddress, pb::device::v1::device_service_client::DeviceServiceClient};
use tonic::{
    metadata::{Ascii, MetadataValue},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};

use super::reconnect::End;

/// As the server's own limit.
pub const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
const PEM_CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";
/// Short, so that an address whose replica vanished is soon tried again.
const CONNECT: Duration = Duration::from_secs(5);
/// On a slow line, certificates take their time.
const TLS_HANDSHAKE: Duration = Duration::from_secs(10);
const KEEPALIVE: Duration = Duration::from_secs(20);
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(10);

/// The endpoint; over TLS it trusts the machine's roots, or only those of `ca`, in PEM.
pub fn endpoint(address: &ServerAddress, ca: Option<&[u8]>) -> Result<Endpoint, String> {
    let endpoint = Endpoint::from(address.uri().clone())
        .user_agent(concat!("homepot-agent/", env!("CARGO_PKG_VERSION")))
        .map_err(|error| causes(&error))?
        .connect_timeout(CONNECT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_ANSWER)
        .keep_alive_while_idle(true);
    if !address.is_tls() {
        return Ok(endpoint);
    }
    let tls = match ca {
        // A file without one would be taken, and trust nobody.
        Some(pem) if !pem.windows(PEM_CERTIFICATE.len()).any(|part| part == PEM_CERTIFICATE) => {
            return Err("ca_file holds no certificate in PEM".to_owned());
        }
        Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
        None => ClientTlsConfig::new().with_native_roots(),
    };
    endpoint.tls_config(tls.timeout(TLS_HANDSHAKE)).map_err(|error| causes(&error))
}

/// Connects.
pub async fn channel(endpoint: &Endpoint) -> Result<Channel, End> {
    endpoint.connect().await.map_err(|error| End::Unreachable(causes(&error)))
}

/// Connects; the client keeps to the limits of the contract.
pub async fn connect(endpoint: &Endpoint) -> Result<DeviceServiceClient<Channel>, End> {
    Ok(DeviceServiceClient::new(channel(endpoint).await?)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES))
}

/// A value of a header; a `sensitive` one is never shown or compressed.
pub fn metadata(text: &str, sensitive: bool) -> Result<MetadataValue<Ascii>, Error> {
    let mut value: MetadataValue<_> =
        text.parse().map_err(|_| Error::invalid("metadata", "holds a letter that can't be sent"))?;
    value.set_sensitive(sensitive);
    Ok(value)
}

/// An error with its causes: tonic's own text says only "transport error".
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn over_tls_an_endpoint_needs_a_certificate_that_can_be_read() {
        let address = ServerAddress::parse("https://127.0.0.1:1", false).unwrap();
        assert!(endpoint(&address, None).is_ok());
        assert!(endpoint(&address, Some(b"no certificate")).is_err());
    }

    #[tokio::test]
    async fn an_unreachable_server_is_told_with_the_cause() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let address = ServerAddress::parse(&format!("http://{address}"), false).unwrap();
        let end = connect(&endpoint(&address, None).unwrap()).await.unwrap_err();
        assert!(end.describe().contains("refused"), "{}", end.describe());
    }
}
