//! HTTP as bytes: a client that hides nothing, so that a test can send what no proper client would.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

use crate::PATIENCE;

/// A request in the making.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    from: IpAddr,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Header names in lower case with their values, in order.
    pub headers: Vec<(String, String)>,
    /// The body, freed from chunks.
    pub body: Vec<u8>,
}

impl Request {
    /// `method` on `target`, the path with its query.
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            from: Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// A GET.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A POST.
    pub fn post(target: &str) -> Self {
        Self::new("POST", target)
    }

    /// A PUT.
    pub fn put(target: &str) -> Self {
        Self::new("PUT", target)
    }

    /// Calls from another address of this machine; see [`crate::elsewhere`].
    #[must_use]
    pub fn from(mut self, address: IpAddr) -> Self {
        self.from = address;
        self
    }

    /// Adds a header as it stands.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Calls as an operator.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// Calls as a device.
    #[must_use]
    pub fn device(self, device_id: &str, api_key: &str) -> Self {
        self.header("X-Device-ID", device_id).header("X-API-Key", api_key)
    }

    /// Sends JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json").body(body.to_string())
    }

    /// Sends these bytes; the content length is added.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The bytes of the request; the connection is to be closed after it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !self.body.is_empty() || matches!(self.method.as_str(), "POST" | "PUT") {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        head += "\r\n";
        [head.as_bytes(), &self.body].concat()
    }

    /// Sends it to `address` and reads the answer.
    pub async fn send(&self, address: &str) -> Response {
        self.try_send(address).await.unwrap_or_else(|error| panic!("{} {}: {error}", self.method, self.target))
    }

    /// Sends it and reads the answer until its body holds `mark`: for an answer that goes on for as long as one listens. An
    /// answer that ends before is answered as it is.
    pub async fn send_until(&self, address: &str, mark: &str) -> Response {
        let bytes = self.bytes();
        // A proxy may send a chunk in pieces, and only whole ones are read below.
        let has_mark =
            |answer: &[u8]| Response::parse_so_far(answer).is_some_and(|answer| holds(&answer.body, mark.as_bytes()));
        let answer = exchange(self.from, address, &bytes, has_mark).await;
        let answer = answer.unwrap_or_else(|error| panic!("{} {}: {error}", self.method, self.target));
        Response::parse_so_far(&answer).unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(&answer)))
    }

    /// As [`Self::send`], for when the server may be away.
    pub async fn try_send(&self, address: &str) -> std::io::Result<Response> {
        let answer = try_send_raw(self.from, address, &self.bytes()).await?;
        Response::parse(&answer)
            .ok_or_else(|| std::io::Error::other(format!("no whole answer: {:?}", String::from_utf8_lossy(&answer))))
    }
}

impl Response {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The data of server-sent events, without those that have a name: the last one of a stream, and errors.
    pub fn events(&self) -> Vec<Value> {
        let text = self.text();
        let unnamed = text.split("\n\n").filter(|event| !event.lines().any(|line| line.starts_with("event:")));
        let data = unnamed.filter_map(|event| event.lines().find_map(|line| line.strip_prefix("data: ")));
        data.map(|data| serde_json::from_str(data).unwrap_or_else(|error| panic!("{error} in {data}"))).collect()
    }

    /// What `/api/v2/series` told: its `plan`, each of its `series` in one piece, and the `gaps`.
    pub fn series(&self) -> Value {
        let (mut plan, mut gaps) = (Value::Null, Vec::new());
        let mut series: Vec<Value> = Vec::new();
        for mut event in self.events() {
            if event.get("plan").is_some() {
                plan = event["plan"].take();
            } else if event.get("gap").is_some() {
                gaps.push(event["gap"].take());
            } else {
                let mut piece = event["series"].take();
                let is_same = |known: &&mut Value| {
                    ["device_id", "site_id", "metric", "source"].iter().all(|name| known[name] == piece[name])
                };
                match series.last_mut().filter(is_same) {
                    Some(known) => {
                        let points = piece["points"].as_array_mut().map(std::mem::take).unwrap_or_default();
                        known["points"].as_array_mut().into_iter().for_each(|known| known.extend(points.clone()));
                    }
                    None => series.push(piece),
                }
            }
        }
        serde_json::json!({"plan": plan, "series": series, "gaps": gaps})
    }

    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Reads an answer; `None` when it is not whole.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        Self::read(bytes, unchunk)
    }

    /// Reads an answer that may go on; of a body in chunks, the whole ones. `None` when the headers are not whole.
    fn parse_so_far(bytes: &[u8]) -> Option<Self> {
        Self::read(bytes, |rest| Some(chunks(rest).0))
    }

    fn read(bytes: &[u8], unchunk: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let find = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let rest = &bytes[end + 4..];
        let body = if find("transfer-encoding") == Some("chunked") {
            unchunk(rest)?
        } else if let Some(length) = find("content-length") {
            rest.get(..length.parse().ok()?)?.to_vec()
        } else {
            rest.to_vec()
        };
        Some(Self { status, headers, body })
    }
}

/// Sends `bytes` to `address` and reads until the other end closes.
pub async fn send_raw(address: &str, bytes: &[u8]) -> Vec<u8> {
    try_send_raw(Ipv4Addr::LOCALHOST.into(), address, bytes).await.unwrap_or_else(|error| panic!("{address}: {error}"))
}

/// As [`send_raw`], from another address of this machine; an error where the server closes before it read everything.
pub async fn send_raw_from(from: IpAddr, address: &str, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    try_send_raw(from, address, bytes).await
}

async fn try_send_raw(from: IpAddr, address: &str, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    exchange(from, address, bytes, |_| false).await
}

/// Sends `bytes` and reads until the other end closes, or until `enough` has come.
async fn exchange(
    from: IpAddr,
    address: &str,
    bytes: &[u8],
    enough: impl Fn(&[u8]) -> bool,
) -> std::io::Result<Vec<u8>> {
    let address: SocketAddr = address.parse().map_err(std::io::Error::other)?;
    let exchange = async {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(from, 0))?;
        let mut stream = socket.connect(address).await?;
        // A server that refuses early may close before it read everything; its answer is what counts.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        while !enough(&answer) {
            match stream.read_buf(&mut answer).await {
                Ok(0) => break,
                Err(error) if answer.is_empty() => return Err(error),
                Err(_) => break,
                Ok(_) => {}
            }
        }
        Ok(answer)
    };
    tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))?
}

fn holds(text: &[u8], mark: &[u8]) -> bool {
    text.windows(mark.len()).any(|window| window == mark)
}

fn unchunk(rest: &[u8]) -> Option<Vec<u8>> {
    let (body, is_whole) = chunks(rest);
    is_whole.then_some(body)
}

/// What the whole chunks hold, and whether the last one is there.
fn chunks(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some((chunk, after)) = chunk(rest) {
        if chunk.is_empty() {
            return (body, true);
        }
        body.extend_from_slice(chunk);
        rest = after;
    }
    (body, false)
}

/// The first chunk, and what comes after it.
fn chunk(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = rest.windows(2).position(|window| window == b"\r\n")?;
    let size = std::str::from_utf8(&rest[..line]).ok()?.split(';').next()?;
    let size = usize::from_str_radix(size.trim(), 16).ok()?;
    let rest = &rest[line + 2..];
    if size == 0 {
        return Some((&[], rest));
    }
    Some((rest.get(..size)?, rest.get(size + 2..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunked_answer_is_put_together_and_a_cut_one_is_not_taken_for_whole() {
        let whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=1\r\nde\r\n0\r\n\r\n";
        let answer = Response::parse(whole).unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (200, "abcde"));
        assert_eq!(Response::parse(&whole[..whole.len() - 9]), None);
        assert_eq!(Response::parse_so_far(&whole[..whole.len() - 9]).unwrap().text(), "abc");
        assert_eq!(Response::parse(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"), None);
    }
}
