//! As little of MQTT 3.1.1 as a ceiling needs: connect, subscribe, publish with QoS 1, acknowledge, ping.

use anyhow::{Context as _, bail};
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const CONNECT: u8 = 0x10;
const CONNACK: u8 = 0x20;
const PUBLISH_QOS_1: u8 = 0x32;
const PUBACK: u8 = 0x40;
const SUBSCRIBE: u8 = 0x82;
const SUBACK: u8 = 0x90;
const PINGREQ: u8 = 0xC0;
/// QoS and the marks "sent again" and "retained" of a publication.
const KIND: u8 = 0xF0;

/// What a broker says.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet {
    /// A publication that is to be acknowledged.
    Publish {
        /// What to acknowledge it by.
        packet_id: u16,
        /// What was published.
        payload: Bytes,
    },
    /// A publication has arrived.
    PubAck(u16),
    /// Something that needs no answer.
    Other(u8),
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    received: BytesMut,
}

impl Connection {
    /// Connects; the broker ends it when nothing is said for one and a half times `keep_alive` seconds.
    pub async fn open(address: &str, client_id: &str, keep_alive: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut connection = Self { stream, received: BytesMut::with_capacity(256) };
        let mut body = BytesMut::new();
        put_text(&mut body, "MQTT");
        // The fourth level is 3.1.1; the flag is for a clean session.
        body.put_slice(&[4, 2]);
        body.put_u16(keep_alive);
        put_text(&mut body, client_id);
        connection.send(CONNECT, &body).await?;
        let (head, mut body) = connection.packet().await?;
        anyhow::ensure!(head == CONNACK && body.len() == 2, "no CONNACK but {head:#x}");
        body.advance(1);
        anyhow::ensure!(body[0] == 0, "the broker refused the connection: {}", body[0]);
        Ok(connection)
    }

    /// Subscribes to a topic with QoS 1.
    pub async fn subscribe(&mut self, topic: &str) -> anyhow::Result<()> {
        let mut body = BytesMut::new();
        body.put_u16(1);
        put_text(&mut body, topic);
        body.put_u8(1);
        self.send(SUBSCRIBE, &body).await?;
        let (head, body) = self.packet().await?;
        anyhow::ensure!(head == SUBACK && body.last() == Some(&1), "no SUBACK with QoS 1 but {head:#x}");
        Ok(())
    }

    /// Publishes with QoS 1; the acknowledgement comes by [`Self::next`].
    pub async fn publish(&mut self, topic: &str, packet_id: u16, payload: &[u8]) -> anyhow::Result<()> {
        let mut body = BytesMut::with_capacity(payload.len() + topic.len() + 8);
        put_text(&mut body, topic);
        body.put_u16(packet_id);
        body.put_slice(payload);
        self.send(PUBLISH_QOS_1, &body).await
    }

    /// Acknowledges a publication.
    pub async fn acknowledge(&mut self, packet_id: u16) -> anyhow::Result<()> {
        self.send(PUBACK, &packet_id.to_be_bytes()).await
    }

    /// Gives a sign of life.
    pub async fn ping(&mut self) -> anyhow::Result<()> {
        self.send(PINGREQ, &[]).await
    }

    /// What the broker says next. May be cancelled: nothing is lost.
    pub async fn next(&mut self) -> anyhow::Result<Packet> {
        let (head, body) = self.packet().await?;
        read(head, body)
    }

    async fn packet(&mut self) -> anyhow::Result<(u8, Bytes)> {
        loop {
            if let Some(packet) = take(&mut self.received)? {
                return Ok(packet);
            }
            let read = self.stream.read_buf(&mut self.received).await?;
            anyhow::ensure!(read > 0, "the broker hung up");
        }
    }

    async fn send(&mut self, head: u8, body: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.write_all(&whole(head, body)).await?)
    }
}

/// A packet with its length, seven bits a byte.
fn whole(head: u8, body: &[u8]) -> BytesMut {
    let mut packet = BytesMut::with_capacity(body.len() + 5);
    packet.put_u8(head);
    let mut left = body.len();
    loop {
        let bits = (left & 0x7F) as u8;
        left >>= 7;
        packet.put_u8(if left > 0 { bits | 0x80 } else { bits });
        if left == 0 {
            break;
        }
    }
    packet.put_slice(body);
    packet
}

/// The first packet, once all of it is there.
fn take(received: &mut BytesMut) -> anyhow::Result<Option<(u8, Bytes)>> {
    let mut length = 0_usize;
    for place in 1..=4 {
        let Some(bits) = received.get(place) else { return Ok(None) };
        length |= usize::from(bits & 0x7F) << (7 * (place - 1));
        if bits & 0x80 == 0 {
            if received.len() < 1 + place + length {
                return Ok(None);
            }
            let head = received[0];
            received.advance(1 + place);
            return Ok(Some((head, received.split_to(length).freeze())));
        }
    }
    bail!("a packet's length has five bytes")
}

fn read(head: u8, mut body: Bytes) -> anyhow::Result<Packet> {
    let short = "a packet is too short";
    Ok(match head & KIND {
        kind if kind == PUBLISH_QOS_1 & KIND => {
            let topic = usize::from(body.try_get_u16().context(short)?);
            anyhow::ensure!(body.len() >= topic, short);
            body.advance(topic);
            // With QoS 0 there is no number, and nothing to acknowledge.
            anyhow::ensure!(head & 0x06 == 0x02, "a publication came with another QoS than 1");
            Packet::Publish { packet_id: body.try_get_u16().context(short)?, payload: body }
        }
        PUBACK => Packet::PubAck(body.try_get_u16().context(short)?),
        other => Packet::Other(other),
    })
}

fn put_text(body: &mut BytesMut, text: &str) {
    body.put_u16(text.len() as u16);
    body.put_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_taken_when_its_last_byte_is_there() {
        let packet = whole(PUBLISH_QOS_1, &[7; 200]);
        assert_eq!(packet[..3], [PUBLISH_QOS_1, 0xC8, 0x01]);
        for cut in 0..packet.len() {
            assert_eq!(take(&mut BytesMut::from(&packet[..cut])).unwrap(), None, "{cut}");
        }
        let mut two = BytesMut::from([packet.as_ref(), &[PUBACK, 2, 1, 2]].concat().as_slice());
        assert_eq!(take(&mut two).unwrap().unwrap().1.len(), 200);
        let (head, body) = take(&mut two).unwrap().unwrap();
        assert_eq!(read(head, body).unwrap(), Packet::PubAck(0x0102));
        assert!(two.is_empty());
    }

    #[test]
    fn a_publication_is_read_without_its_topic_and_a_cut_one_is_refused() {
        let body = Bytes::from_static(b"\0\x03a/b\0\x09hello");
        let payload = Bytes::from_static(b"hello");
        assert_eq!(read(PUBLISH_QOS_1, body.clone()).unwrap(), Packet::Publish { packet_id: 9, payload });
        assert!(read(PUBLISH_QOS_1, body.slice(..6)).is_err());
        assert!(read(0x30, body).is_err());
    }
}
