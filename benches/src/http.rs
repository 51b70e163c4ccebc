//! As little HTTP as a load needs: one connection, one request at a time, answers of known length.

use std::time::Duration;

use anyhow::Context as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A connection that is kept open.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub async fn open(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(4_096) })
    }

    /// Sends a request, reads all of its answer, and tells the status.
    pub async fn ask(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.answer).await?;
            anyhow::ensure!(read > 0, "the server hung up in the middle of an answer");
            if let Some(status) = whole(&self.answer)? {
                return Ok(status);
            }
        }
    }

    /// When the last answer says to ask again.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = std::str::from_utf8(&self.answer).ok()?;
        let (head, _) = text.split_once("\r\n\r\n")?;
        header(head, "retry-after")?.parse().ok().map(Duration::from_secs)
    }

    /// The last answer, for a message.
    pub fn answer(&self) -> String {
        String::from_utf8_lossy(&self.answer).into_owned()
    }
}

/// The status, once the answer is complete.
fn whole(answer: &[u8]) -> anyhow::Result<Option<u16>> {
    let Some(head) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&answer[..head])?;
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status")?;
    let length: Option<usize> = header(text, "content-length").and_then(|length| length.parse().ok());
    let length = length.context("an answer without a length")?;
    Ok((answer.len() >= head + 4 + length).then_some(status))
}

fn header<'a>(head: &'a str, wanted: &str) -> Option<&'a str> {
    let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
    lines.find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then(|| value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_with_its_last_byte() {
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(whole(answer).unwrap(), Some(201));
        assert_eq!(whole(&answer[..answer.len() - 1]).unwrap(), None);
        assert_eq!(whole(&answer[..10]).unwrap(), None);
    }
}
