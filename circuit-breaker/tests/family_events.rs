//! What is heard and seen of the members of a family: their keys, and their transitions.

use std::{
    panic::catch_unwind,
    sync::{
        Arc, Barrier, OnceLock,
        mpsc::{Receiver, channel},
    },
    thread,
    time::Duration,
};

use maestro_circuit_breaker::{
    CircuitBreaker, CircuitBreakers, Listener, Open, Override, State, Transition,
};

fn family(capacity: usize) -> CircuitBreakers<u32> {
    CircuitBreaker::builder()
        .consecutive_failures(1)
        .build_family("hosts", capacity)
        .expect("legal numbers")
}

fn trip(breaker: &CircuitBreaker) {
    breaker.try_acquire().expect("it is closed").failure();
}

fn open(breaker: &CircuitBreaker) -> Open {
    trip(breaker);
    breaker.try_acquire().expect_err("it is open")
}

/// The key and the new state of each transition.
fn heard(family: &CircuitBreakers<u32>) -> (Receiver<(Option<u32>, State)>, Listener) {
    let (tell, heard) = channel();
    let listener = family.on_transition(move |key, transition| {
        tell.send((key.copied(), transition.to())).ok();
    });
    (heard, listener)
}

// === Keys ===

#[test]
fn keys_are_shown_only_on_request() {
    let secret = open(&family(8).get(&1));
    assert_eq!(secret.key(), None);
    assert!(
        secret.to_string().starts_with("circuit `hosts` is open"),
        "{secret}"
    );
    assert!(!format!("{secret:?}").contains("Some(\"1\")"));
    let member = family(8).get(&1);
    assert_eq!((member.key(), member.snapshot().key()), (None, None));

    let shown = family(8).show_keys();
    let rejection = open(&shown.get(&1));
    assert_eq!(rejection.key().as_deref(), Some("1"));
    let text = rejection.to_string();
    assert!(text.starts_with("circuit `hosts` [1] is open"), "{text}");
    let member = shown.get(&1);
    assert_eq!(member.key().as_deref(), Some("1"));
    assert_eq!(member.snapshot().key().as_deref(), Some("1"));
    let overflow = open(&shown.overflow());
    assert_eq!(overflow.key(), None);
    assert_eq!(shown.overflow().snapshot().key(), None);
}

#[test]
fn rejections_of_two_members_are_not_equal() {
    let hosts = family(8).show_keys();
    let by = || Override::new("alice", "test");
    let refused = [1, 2].map(|key| {
        hosts.get(&key).force_open(by().lasting(Duration::MAX));
        hosts.get(&key).try_acquire().unwrap_err()
    });
    assert_ne!(refused[0], refused[1]);
}

#[test]
fn a_rejection_names_its_key_after_the_member_is_gone() {
    let hosts = family(1).show_keys();
    let member = hosts.get(&1);
    let rejection = open(&member);
    member.reset(Override::new("alice", "test"));
    drop(member);
    drop(hosts.get(&2));
    assert!(hosts.iter().all(|(key, _)| key == 2));
    assert_eq!(rejection.key().as_deref(), Some("1"));
}

#[test]
fn unknown_keys_push_out_no_key_that_is_shown() {
    let hosts = family(2).show_keys();
    let rejection = open(&hosts.get(&1));
    hosts.get(&1).reset(Override::new("alice", "test"));
    trip(&hosts.get(&2));
    let _held = hosts.get(&2);
    drop(hosts.get(&3)); // which evicts the first member
    trip(&hosts.get(&3));
    for unknown in 10..5_000 {
        drop(hosts.get(&unknown));
    }
    assert_eq!(rejection.key().as_deref(), Some("1"));
}

#[test]
fn a_transition_names_the_key_of_its_member() {
    let hosts = family(8).show_keys();
    let (tell, heard) = channel();
    let member = hosts.get(&7);
    let _listener = member.on_transition(move |transition| {
        tell.send(transition.clone()).ok();
    });
    trip(&member);
    let transition: Transition = heard.try_recv().unwrap();
    assert_eq!(transition.key().as_deref(), Some("7"));
    assert_eq!(
        transition.to_string(),
        "circuit `hosts` [7]: closed to open, as a call failed"
    );
}

// === Listeners ===

#[test]
fn a_family_listener_hears_members_old_and_new_and_the_overflow() {
    let hosts = family(2);
    let old = hosts.get(&1);
    let (heard, listener) = heard(&hosts);
    trip(&old);
    trip(&hosts.get(&2));
    trip(&hosts.get(&3)); // for which there is no room
    let all: Vec<_> = heard.try_iter().collect();
    let opened = [Some(1), Some(2), None].map(|key| (key, State::Open));
    assert_eq!(all, opened);
    drop(listener);
    old.reset(Override::new("alice", "test"));
    assert!(heard.try_recv().is_err());
}

#[test]
fn a_family_listener_gets_keys_that_are_not_shown() {
    let hosts = family(8);
    let (tell, heard) = channel();
    let _listener = hosts.on_transition(move |key, transition| {
        tell.send((key.copied(), transition.key())).ok();
    });
    trip(&hosts.get(&1));
    assert_eq!(heard.try_recv().unwrap(), (Some(1), None));
}

#[test]
fn a_family_listener_keeps_no_member() {
    let hosts = family(1);
    let (heard, _listener) = heard(&hosts);
    drop(hosts.get(&1));
    trip(&hosts.get(&2));
    assert!(hosts.iter().all(|(key, _)| key == 2));
    assert_eq!(heard.try_recv(), Ok((Some(2), State::Open)));
}

#[test]
fn a_family_listener_may_ask_the_family() {
    static HOSTS: OnceLock<CircuitBreakers<u32>> = OnceLock::new();
    let hosts = HOSTS.get_or_init(|| family(2));
    let (tell, heard) = channel();
    let _listener = hosts.on_transition(move |key, _| {
        let states = hosts.iter().map(|(_, breaker)| breaker.snapshot().state());
        let other = hosts.get(&(key.unwrap() + 1)).state();
        tell.send((states.collect::<Vec<_>>(), other)).ok();
    });
    let tripping = thread::spawn(move || trip(&hosts.get(&1)));
    let told = heard.recv_timeout(Duration::from_secs(60));
    assert_eq!(told, Ok((vec![State::Open], State::Closed)));
    tripping.join().unwrap();
}

#[test]
fn a_panic_of_a_family_listener_harms_no_other() {
    let hosts = family(8);
    let _panics = hosts.on_transition(|_, _| panic!("a listener"));
    let (heard, _listener) = heard(&hosts);
    let member = hosts.get(&1);
    let tripped = catch_unwind(std::panic::AssertUnwindSafe(|| trip(&member)));
    assert!(tripped.is_ok());
    assert_eq!(heard.try_recv(), Ok((Some(1), State::Open)));
}

#[test]
fn transitions_of_one_member_come_in_order() {
    const EACH: u64 = 200;
    let hosts = family(8);
    let (tell, heard) = channel();
    let _listener = hosts.on_transition(move |key, transition| {
        tell.send((key.copied(), transition.generation())).ok();
    });
    let start = Arc::new(Barrier::new(4));
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let (hosts, start) = (hosts.clone(), Arc::clone(&start));
            thread::spawn(move || {
                start.wait();
                for _ in 0..EACH {
                    hosts
                        .get(&(thread % 2))
                        .reset(Override::new("alice", "test"));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let all: Vec<_> = heard.try_iter().collect();
    for member in 0..2 {
        let of_member = all.iter().filter(|(key, _)| *key == Some(member));
        let generations: Vec<_> = of_member.map(|(_, generation)| *generation).collect();
        assert_eq!(generations, (1..=2 * EACH).collect::<Vec<_>>());
    }
}
