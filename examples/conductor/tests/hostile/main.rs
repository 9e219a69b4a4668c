//! A bounded attack on the service as a separate process, with the default configuration.
//!
//! After each part of the attack the process is alive, its memory is bounded, it becomes ready and accepts runs, and every
//! accepted run is stored and dispatched. The tests have a binary to themselves, because they load the whole machine.

#[expect(dead_code, reason = "shared with the other tests")]
#[path = "../service/client.rs"]
mod client;
#[expect(dead_code, reason = "shared with the other tests")]
#[path = "../service/process.rs"]
mod process;
#[expect(dead_code, reason = "shared with the other tests")]
#[path = "../service/raw.rs"]
mod raw;
#[expect(dead_code, reason = "shared with the other tests")]
#[path = "../service/rows.rs"]
mod rows;
#[expect(dead_code, reason = "shared with the other tests")]
#[path = "../service/stage.rs"]
mod stage;

mod arena;
mod load;
mod mix;
mod tricks;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use conductor::Fault;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use self::arena::{Apart, Arena};
use self::load::Load;
use self::process::Process;

/// One test at a time: each of them needs the whole machine.
static ALONE: Mutex<()> = Mutex::const_new(());
/// More clients than the service admits at once, and fewer than it has connections for.
const CLIENTS: u32 = 160;

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_clients_lose_no_run_and_leave_no_trace() {
    let _alone = ALONE.lock().await;
    let mut arena = Arena::start().await;
    arena.withstood("honest load").await;

    // More connections than the process may have, requests legal and illegal, and what is no request at all. Meanwhile
    // another program locks the database, and the peer fails and stalls.
    let until = Instant::now() + seconds(7);
    let idle = tricks::idle(arena.client(), 220).await;
    let mut attack = JoinSet::new();
    for seed in 0..8 {
        attack.spawn(mix::shoot(
            arena.client(),
            arena.ledger.clone(),
            seed,
            until,
        ));
    }
    for number in 0..24 {
        attack.spawn(tricks::play(arena.client(), number, until));
    }
    sleep(seconds(1)).await;
    arena.lock_for(Duration::from_millis(600)).await;
    for fault in [Fault::Failing, Fault::Stalled, Fault::Closed, Fault::None] {
        sleep(seconds(1)).await;
        arena.peer.set(fault).await;
    }
    attack.join_all().await;
    drop(idle);
    arena.withstood("the mix").await;

    let load = Load::start(&arena.client(), &arena.ledger, CLIENTS);
    sleep(seconds(5)).await;
    load.stop().await;
    arena.withstood("the overload").await;

    let load = Load::start(&arena.client(), &arena.ledger, CLIENTS);
    load.has_accepted(200).await;
    arena.kill_and_restart();
    let unanswered = load.stop().await;
    let load = Load::start(&arena.client(), &arena.ledger, CLIENTS);
    load.has_accepted(100).await;
    load.stop().await;
    arena.repeat(unanswered).await;
    arena.withstood("kill -9 in the overload").await;
}

/// The capacity is that of a dispatch API that takes a fifth of a second, so that no disk and no processor decides it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_overload_takes_little_of_the_capacity() {
    let _alone = ALONE.lock().await;
    let apart = Apart::new();
    let slow = apart.run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let routes = Router::new().fallback(async || sleep(Duration::from_millis(200)).await);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        address
    });
    let (directory, peer) = (TempDir::new().expect("a directory"), slow.await);
    let database = directory.path().join("conductor.db");
    let process = Process::start(&database, &format!("http://{peer}"));
    let ledger = Arc::default();

    // As many clients as the service has places, and ten times as many. A refusal takes a second.
    let load = Load::start(&process.client, &ledger, 12);
    sleep(seconds(1)).await;
    let (capacity, _) = load.rates(seconds(3)).await;
    load.stop().await;
    let load = Load::start(&process.client, &ledger, 120);
    sleep(seconds(2)).await;
    // Other work on the machine takes part of the processor for a while, so one window of several is enough.
    let mut seen = Vec::new();
    let kept = loop {
        let (goodput, offered) = load.rates(seconds(2)).await;
        seen.push(format!("offered {offered:.0}/s, accepted {goodput:.0}/s"));
        let kept = offered > 1.5 * capacity && goodput >= 0.6 * capacity;
        if kept || seen.len() == 6 {
            break kept;
        }
    };
    load.stop().await;
    println!("capacity {capacity:.0}/s, {seen:?}");
    assert!(kept, "capacity {capacity:.0}/s, {seen:?}");
}
