//! The matrix of gRPC: each code, ended in each way, through each layer and through all, by a real client and two real
//! servers.

use tonic::Code;
use tower::ServiceExt;

use crate::{
    client::{self, Client, Seen},
    ending::Ending,
    layers::{Counted, Kind, Objects, Stack, stack},
    server::Server,
    table::Table,
};

/// A channel to `server`.
fn channel(server: &Server, ending: Ending) -> Stack {
    let server_of_head = server.clone();
    stack(client::channel(server).map_response(move |response| {
        // The head has arrived: the reset comes after it.
        if ending == Ending::ResetAfterHead {
            server_of_head.cut();
        }
        response
    }))
}

/// Whether a call has one message in its answer, or a stream of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Unary,
    Stream,
}

/// Makes a call and reads its answer to the end, or drops it where it has no end.
async fn call(stack: Stack, server: &Server, shape: Shape, ending: Ending, code: u16) -> Seen {
    let mut client = Client::new(stack);
    if shape == Shape::Unary {
        let answer = client.unary(ending, code).await;
        return Seen {
            messages: u32::from(answer.is_ok()),
            code: Some(answer.map_or_else(|status| status.code(), |()| Code::Ok)),
        };
    }
    let mut messages = 0;
    let before = server.seen();
    let answer = tokio::select! {
        answer = client.stream(ending, code) => answer,
        () = server.has_seen(before + 1), if ending == Ending::Hangs => {
            return Seen { messages, code: None };
        }
    };
    let end = match answer {
        Err(status) => status.code(),
        Ok(mut stream) => loop {
            match stream.message().await {
                Ok(Some(())) => messages += 1,
                Ok(None) => break Code::Ok,
                Err(status) => break status.code(),
            }
            match ending {
                Ending::GoesOn => {
                    return Seen {
                        messages,
                        code: None,
                    };
                }
                _ if ending.is_cut_after_data() => server.cut(),
                _ => {}
            }
        },
    };
    Seen {
        messages,
        code: Some(end),
    }
}

/// What the table says that the layers count, and how many attempts there are.
fn expected(table: &Table, kind: Kind, ending: Ending, code: u16) -> (Counted, u32) {
    let row = match ending {
        // A call that is dropped says nothing.
        Ending::GoesOn | Ending::Hangs => None,
        _ if ending.has_code() => Some(table.code(code)),
        _ => Some(table.error()),
    };
    // A message that was given on cannot be taken back.
    let may_repeat = kind.has(Kind::Retry) && !ending.has_data();
    let is_retried = may_repeat && row.is_some_and(|row| row.retry.is_yes());
    let attempts = 1 + u32::from(is_retried);
    let mut counted = row.map_or_else(Counted::default, |row| Counted::of(row, attempts));
    if ending.has_data() {
        // The service had room for a call that it answers with a message, whatever its end.
        counted.bulkhead.0 = 1;
    }
    if !kind.has(Kind::Breaker) {
        counted.breaker = (0, 0);
    }
    if !kind.has(Kind::Bulkhead) {
        counted.bulkhead = (0, 0);
    }
    if !kind.has(Kind::Budget) {
        counted.events = (0, 0);
    }
    (counted, attempts)
}

/// Checks all codes with the `endings`, through the layers of `kind`.
async fn check(server: &Server, endings: &[Ending], kind: Kind) {
    let table = Table::read();
    for (&ending, shape) in endings
        .iter()
        .flat_map(|e| [(e, Shape::Unary), (e, Shape::Stream)])
    {
        if shape == Shape::Unary && (ending.is_cut_after_data() || !ending.has_end()) {
            // What ends them is a reader of the stream.
            continue;
        }
        for code in 0..=16 {
            let case = format!("{kind:?}, {shape:?}, {ending}, code {code}");
            let bare = call(channel(server, ending), server, shape, ending, code).await;
            if shape == Shape::Stream {
                assert_eq!(bare.messages, u32::from(ending.has_data()), "{case}");
            }
            match bare.code {
                // Not what a unary call expects, which has a message.
                Some(Code::Internal) if code == 0 && shape == Shape::Unary => {}
                seen if ending.has_code() => {
                    assert_eq!(seen, Some(Code::from_i32(code.into())), "{case}");
                }
                seen => assert_ne!(seen, Some(Code::Ok), "{case}"),
            }

            let objects = Objects::new();
            let stack = kind.over(channel(server, ending), &objects);
            let before = server.seen();
            let seen = call(stack, server, shape, ending, code).await;
            let attempts = server.seen() - before;
            assert_eq!(seen, bare, "the layers change the answer: {case}");
            let (counted, expected_attempts) = expected(&table, kind, ending, code);
            assert_eq!(objects.counted().await, counted, "{case}");
            assert_eq!(attempts, expected_attempts, "{case}");
        }
    }
}

macro_rules! matrix {
    ($($test:ident $kind:ident;)*) => {$(
        #[tokio::test]
        async fn $test() {
            check(&Server::hyper().await, &Ending::ALL, Kind::$kind).await;
            check(&Server::tonic().await, &Ending::OF_TONIC, Kind::$kind).await;
        }
    )*};
}

matrix! {
    a_breaker_counts_each_end_of_a_grpc_call Breaker;
    a_bulkhead_counts_each_end_of_a_grpc_call Bulkhead;
    a_budget_counts_each_end_of_a_grpc_call Budget;
    retry_repeats_each_grpc_call_that_it_may Retry;
    a_body_timeout_passes_each_grpc_call_on Timeout;
    all_layers_count_each_end_of_a_grpc_call All;
}

#[tokio::test]
async fn a_budget_counts_the_calls_of_a_server_of_tonic() {
    let (server, table) = (Server::tonic().await, Table::read());
    for ending in [Ending::TrailersOnly, Ending::TrailersAfterData] {
        for code in 0..=16 {
            let before = server.counted();
            call(
                channel(&server, ending),
                &server,
                Shape::Stream,
                ending,
                code,
            )
            .await;
            let (good, bad) = Counted::of(table.code(code), 1).events;
            let counted = (before.0 + good, before.1 + bad);
            assert_eq!(server.counted(), counted, "{ending}, code {code}");
        }
    }
}
