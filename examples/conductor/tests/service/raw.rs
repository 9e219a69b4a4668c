//! Connections without a client, for what a client does not do.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::client::{Client, RUNS};
use crate::stage::PATIENCE;

/// The beginning of a head that does not end.
pub(crate) const HALF_A_HEAD: &str = "POST /api/maestro/v1/runs HTTP/1.1\r\nhost: localhost\r\n";

/// A connection that has sent `text`.
pub(crate) async fn sent(client: &Client, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(client.service)
        .await
        .expect("a connection");
    stream.write_all(text.as_bytes()).await.expect("sent");
    stream
}

/// A connection whose small buffer is full after a few responses that are not read.
pub(crate) async fn narrow(client: &Client) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small buffer");
    socket.connect(client.service).await.expect("a connection")
}

/// What the service sends until it closes the connection.
pub(crate) async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    // A reset ends the connection as well.
    let _ = read.expect("the connection ends");
    String::from_utf8(answer).expect("text")
}

/// Sends `text`, and returns what the service sends until it closes the connection.
pub(crate) async fn exchange(client: &Client, text: &str) -> String {
    rest(&mut sent(client, text).await).await
}

/// A whole request with a body of the announced length, or less of it.
pub(crate) fn post(length: usize, body: &str) -> String {
    format!(
        "POST {RUNS} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}
