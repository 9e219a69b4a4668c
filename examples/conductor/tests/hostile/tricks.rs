//! What is no whole request: half heads, bodies that never come, clients that do not read, noise.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout_at};

use crate::arena::run;
use crate::client::{Client, RUNS};
use crate::raw::{HALF_A_HEAD, narrow, post};

/// How a trick goes on when it has sent its text.
enum Then {
    /// Goes away at once.
    Leave,
    /// Closes its half, and reads.
    Close,
    /// Reads until the service closes the connection.
    Read,
    /// Reads nothing.
    Hold,
}

/// Connections that send nothing, or half a head.
pub(crate) async fn idle(client: Client, count: usize) -> Vec<TcpStream> {
    let mut idle = Vec::new();
    for number in 0..count {
        let mut stream = TcpStream::connect(client.service)
            .await
            .expect("a connection");
        if number % 2 == 0 {
            // An error: it has already made room for another one.
            let _ = stream.write_all(HALF_A_HEAD.as_bytes()).await;
        }
        idle.push(stream);
    }
    idle
}

/// Plays one trick after another, and checks that the service promises nothing that it did not understand.
pub(crate) async fn play(client: Client, number: usize, until: Instant) {
    for round in number.. {
        let end = until.min(Instant::now() + Duration::from_secs(1));
        match round % 12 {
            0 => deaf(&client, end).await,
            1 => slow_upload(&client, end).await,
            trick => {
                let (text, then) = text(trick);
                let answer = converse(&client, &text, then, end).await;
                let served = answer.contains(" 201 ") || answer.contains(" 202 ");
                assert!(!served, "{trick}: {answer}");
                assert!(!answer.contains(" 500 "), "{trick}: {answer}");
            }
        }
        if Instant::now() >= until {
            return;
        }
        sleep(Duration::from_millis(5)).await;
    }
}

fn text(trick: usize) -> (String, Then) {
    let head = |lines: &str| {
        format!("POST {RUNS} HTTP/1.1\r\ncontent-type: application/json\r\n{lines}\r\n\r\n")
    };
    match trick {
        2 => (HALF_A_HEAD.to_owned(), Then::Hold),
        3 => (post(60_000, "{"), Then::Hold),
        4 => (post(60_000, "{"), Then::Close),
        5 => (post(60_000, "{"), Then::Leave),
        6 => ("\u{1}\u{7f} noise \u{0} \r\n\r\n".repeat(500), Then::Read),
        7 => (
            head("host: localhost\r\ncontent-length: 3\r\ncontent-length: 5") + "{}{}{",
            Then::Read,
        ),
        8 => (
            head("host: localhost\r\ntransfer-encoding: chunked") + "ffffffffffffffff\r\n{",
            Then::Read,
        ),
        9 => (
            head(&format!(
                "host: localhost\r\n{}x: y",
                "x: y\r\n".repeat(400)
            )),
            Then::Read,
        ),
        10 => (
            head("host: localhost\r\nhost: localhost\r\ncontent-length: 0"),
            Then::Read,
        ),
        _ => (
            head("host: localhost\r\nexpect: 100-continue\r\ncontent-length: 10"),
            Then::Read,
        ),
    }
}

/// Sends a text, and returns what the service sends until `end`. An error is the end of the connection.
async fn converse(client: &Client, text: &str, then: Then, end: Instant) -> String {
    let mut answer = Vec::new();
    let talk = async {
        let mut stream = TcpStream::connect(client.service).await?;
        stream.write_all(text.as_bytes()).await?;
        match then {
            Then::Leave => return Ok(()),
            Then::Hold => std::future::pending().await,
            Then::Close => stream.shutdown().await?,
            Then::Read => {}
        }
        stream.read_to_end(&mut answer).await.map(drop)
    };
    let _: Result<Result<(), std::io::Error>, _> = timeout_at(end, talk).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// Asks for more than the buffers hold, and reads nothing.
async fn deaf(client: &Client, end: Instant) {
    let request = "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(100);
    let mut stream = narrow(client).await;
    let full = async { while stream.write_all(request.as_bytes()).await.is_ok() {} };
    let _ = timeout_at(end, full).await;
    tokio::time::sleep_until(end).await;
}

/// Sends a legal run byte by byte.
async fn slow_upload(client: &Client, end: Instant) {
    let body = run("slow", "{}");
    let upload = async {
        let mut stream = TcpStream::connect(client.service).await?;
        stream.write_all(post(body.len(), "").as_bytes()).await?;
        for byte in body.as_bytes() {
            stream.write_all(&[*byte]).await?;
            sleep(Duration::from_millis(40)).await;
        }
        Ok::<_, std::io::Error>(())
    };
    let _ = timeout_at(end, upload).await;
}
