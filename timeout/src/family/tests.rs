//! Which members of a family stay, and what they hold.

use std::{
    cell::Cell,
    collections::{HashMap, HashSet},
    fmt,
    sync::mpsc::channel,
    time::Duration,
};

use proptest::{collection::vec, prelude::*};
use tokio::time::{Instant, advance};

use super::{Timeouts, pause::EXAMINED, walk::Walk};
use crate::{
    config::Builder,
    timeout::Timeout,
    types::{Event, LimitCause, Override},
};

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// The limit of a new member of the tests.
const LIMIT: u64 = 1;

fn numbers(limit: u64) -> Builder {
    Timeout::builder().limit(secs(limit))
}

fn family(capacity: usize) -> Timeouts<u8> {
    numbers(LIMIT)
        .build_family("hosts", capacity)
        .expect("a capacity above 0")
}

fn by() -> Override {
    Override::new("alice", "drill")
}

/// The limit of a call with `key` through a layer.
fn call(family: &Timeouts<u8>, key: u8) -> u64 {
    family.0.with(&key, Timeout::limit).as_secs()
}

fn is_member(family: &Timeouts<u8>, key: u8) -> bool {
    !family.get(&key).is_same(&family.overflow())
}

#[test]
fn family_with_room_for_no_key_is_refused() {
    let refused = numbers(LIMIT).build_family::<u8>("none", 0);
    let refused = refused.expect_err("no capacity");
    let begins = "timeout `none`: the capacity of a family must be at least 1";
    assert!(refused.to_string().starts_with(begins), "{refused}");
    assert_eq!(refused.name(), Some("none"));
}

#[tokio::test(start_paused = true)]
async fn member_with_a_forced_limit_stays_until_its_end() {
    let hosts = family(1);
    hosts.get(&1).force_limit(secs(3), by().lasting(secs(10)));
    assert_eq!([call(&hosts, 2), call(&hosts, 1)], [1, 3]);
    assert!(!is_member(&hosts, 2));
    advance(secs(10)).await;
    assert!(is_member(&hosts, 2));
    assert!(!hosts.iter().any(|(key, _)| key == 1));
}

#[tokio::test(start_paused = true)]
async fn member_with_other_settings_stays() {
    let hosts = family(2);
    hosts.get(&1).set_limit(secs(3));
    let counts = numbers(LIMIT).count_readiness(true);
    hosts.get(&2).reconfigure(counts).expect("valid");
    assert!(!is_member(&hosts, 3));
    hosts.get(&1).set_limit(secs(LIMIT));
    assert!(is_member(&hosts, 3));
    hosts.reconfigure(counts).expect("valid");
    assert!(is_member(&hosts, 4), "2 has the settings of the family now");
}

#[tokio::test(start_paused = true)]
async fn handle_keeps_its_member() {
    let hosts = family(1);
    let handle = hosts.get(&1);
    assert!(!is_member(&hosts, 2));
    handle.force_limit(secs(3), by());
    assert_eq!(call(&hosts, 1), 3);
    handle.resume(by());
    drop(handle);
    assert!(is_member(&hosts, 2));
}

#[tokio::test(start_paused = true)]
async fn iterator_keeps_all_members() {
    let hosts = family(1);
    drop(hosts.get(&1));
    let all = hosts.iter();
    assert!(!is_member(&hosts, 2));
    drop(all);
    assert!(is_member(&hosts, 2));
}

#[tokio::test(start_paused = true)]
async fn change_of_the_overflow_is_one_of_all_keys_without_room() {
    let hosts = family(1);
    let _held = hosts.get(&1);
    hosts.get(&2).force_limit(secs(3), by());
    assert_eq!([1, 2, 3].map(|key| call(&hosts, key)), [1, 3, 3]);
    assert!(!hosts.iter().any(|(key, _)| key == 2));
}

#[tokio::test(start_paused = true)]
async fn member_used_lately_goes_last() {
    let hosts = family(3);
    (1..=3).for_each(|key| drop(hosts.get(&key)));
    // Takes the seat of 1, and clears the mark of each.
    call(&hosts, 4);
    call(&hosts, 2);
    call(&hosts, 5);
    let mut keys: Vec<_> = hosts.iter().map(|(key, _)| key).collect();
    keys.sort_unstable();
    assert_eq!(keys, [2, 4, 5]);
}

#[tokio::test(start_paused = true)]
async fn idle_members_are_evicted() {
    let hosts = family(9);
    (0..5).for_each(|key| drop(hosts.get(&key)));
    hosts.get(&0).force_limit(secs(3), by().lasting(secs(10)));
    let held = hosts.get(&1);
    assert_eq!((hosts.evict_idle(), hosts.len()), (0, 5));
    assert_eq!((hosts.evict_idle(), hosts.len()), (3, 2));
    drop(held);
    advance(secs(10)).await;
    assert_eq!((hosts.evict_idle(), hosts.is_empty()), (2, true));
}

#[tokio::test(start_paused = true)]
async fn end_of_an_override_is_told_at_an_eviction() {
    let hosts = family(1);
    let (told, heard) = channel();
    let _listener = hosts.on_event(move |key, event| {
        if let Event::LimitChanged(change) = event {
            told.send((key.copied(), change.cause())).expect("heard");
        }
    });
    hosts.get(&1).force_limit(secs(3), by().lasting(secs(10)));
    advance(secs(10)).await;
    assert!(is_member(&hosts, 2));
    let expected = [LimitCause::Forced, LimitCause::OverrideOver].map(|cause| (Some(1), cause));
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), expected);
}

#[tokio::test(start_paused = true)]
async fn changed_settings_reach_present_and_future_members() {
    let hosts = family(1);
    let member = hosts.get(&1);
    let to = numbers(5).count_readiness(true);
    hosts.reconfigure(to).expect("valid");
    assert_eq!([member.numbers(), hosts.overflow().numbers()], [to, to]);
    assert!(hosts.0.counts_readiness());
    drop(member);
    assert!(is_member(&hosts, 2));
    assert_eq!(hosts.get(&2).numbers(), to);
}

#[tokio::test(start_paused = true)]
async fn family_hears_of_present_and_future_members_and_the_overflow() {
    let hosts = family(2);
    drop(hosts.get(&1));
    let (told, heard) = channel();
    let listener = hosts.on_event(move |key, event| {
        told.send((key.copied(), event.to_string())).expect("heard");
    });
    for key in [2, 1, 3] {
        hosts.get(&key).set_limit(secs(3));
    }
    drop(listener);
    hosts.overflow().set_limit(secs(4));
    let expected = [Some(2), Some(1), None].map(|key| (key, "limit 1s to 3s, configured".into()));
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), expected);
}

#[tokio::test(start_paused = true)]
async fn changes_and_handles_name_a_key_that_is_shown() {
    let (told, heard) = channel();
    let mut keys = Vec::new();
    for hosts in [family(1), family(1).show_keys()] {
        let (told, member) = (told.clone(), hosts.get(&7));
        let _listener = member.on_event(move |event| {
            if let Event::LimitChanged(change) = event {
                told.send(change.key()).expect("heard");
            }
        });
        member.set_limit(secs(3));
        assert_eq!(hosts.overflow().key(), None);
        keys.push(member.key());
    }
    assert_eq!(keys, [None, Some("7".into())]);
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), keys);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Call(u8),
    /// Takes a handle, which is kept.
    Hold(u8),
    /// Drops the oldest of those.
    Release,
    Set(u8, u64),
    Force(u8, u64),
    ForceFor(u8, u64, u64),
    Resume(u8),
    Reconfigure(u64),
    Evict,
    Pass(u64),
}

/// What is known of a key.
#[derive(Clone, Copy, Debug, Default)]
struct Naive {
    handles: u32,
    /// If it differs from that of the family.
    configured: Option<u64>,
    forced: Option<(u64, Option<Instant>)>,
}

const CAPACITY: usize = 3;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (key, limit) = (0..8_u8, 1..4_u64);
    let step = prop_oneof![
        6 => key.clone().prop_map(Step::Call),
        2 => key.clone().prop_map(Step::Hold),
        2 => Just(Step::Release),
        1 => (key.clone(), limit.clone()).prop_map(|(key, limit)| Step::Set(key, limit)),
        1 => (key.clone(), limit.clone()).prop_map(|(key, limit)| Step::Force(key, limit)),
        2 => (key.clone(), limit.clone(), 0..9_u64)
            .prop_map(|(key, limit, lasts)| Step::ForceFor(key, limit, lasts)),
        1 => key.prop_map(Step::Resume),
        1 => limit.prop_map(Step::Reconfigure),
        1 => Just(Step::Evict),
        2 => (0..9_u64).prop_map(Step::Pass),
    ];
    vec(step, 1..80)
}

/// Plays `steps`. Returns the most members that had to stay.
async fn play(steps: Vec<Step>) -> usize {
    let (family, mut limit) = (family(CAPACITY), LIMIT);
    let mut known: HashMap<u8, Naive> = HashMap::new();
    let mut held = Vec::new();
    let mut most = 0;
    for step in steps {
        // What is changed is a member's: the overflow stays as it is.
        let member =
            |key| Some(family.get(&key)).filter(|found| !found.is_same(&family.overflow()));
        match step {
            Step::Call(key) => {
                call(&family, key);
            }
            Step::Hold(key) => {
                if let Some(handle) = member(key) {
                    held.push((key, handle));
                    known.entry(key).or_default().handles += 1;
                }
            }
            Step::Release => {
                if !held.is_empty() {
                    let (key, _) = held.remove(0);
                    known.entry(key).or_default().handles -= 1;
                }
            }
            Step::Set(key, to) => {
                if let Some(handle) = member(key) {
                    handle.set_limit(secs(to));
                    known.entry(key).or_default().configured = Some(to);
                }
            }
            Step::Force(key, to) => {
                if let Some(handle) = member(key) {
                    handle.force_limit(secs(to), by());
                    known.entry(key).or_default().forced = Some((to, None));
                }
            }
            Step::ForceFor(key, to, lasts) => {
                if let Some(handle) = member(key) {
                    handle.force_limit(secs(to), by().lasting(secs(lasts)));
                    let end = Instant::now() + secs(lasts);
                    known.entry(key).or_default().forced = Some((to, Some(end)));
                }
            }
            Step::Resume(key) => {
                family.get(&key).resume(by());
                if let Some(known) = known.get_mut(&key) {
                    known.forced = None;
                }
            }
            Step::Reconfigure(to) => {
                family.reconfigure(numbers(to)).expect("valid");
                limit = to;
                for known in known.values_mut() {
                    known.configured = None;
                }
            }
            Step::Evict => {
                family.evict_idle();
            }
            Step::Pass(time) => advance(secs(time)).await,
        }
        // A member that can be evicted is found once a pause of the searches is over.
        advance(Duration::from_millis(5)).await;
        let now = Instant::now();
        known.retain(|_, known| {
            known.configured = known.configured.filter(|configured| *configured != limit);
            known.forced =
                (known.forced).filter(|(_, until)| until.is_none_or(|until| now < until));
            known.handles > 0 || known.configured.is_some() || known.forced.is_some()
        });
        let members: HashMap<_, _> = family.iter().collect();
        assert!(members.len() <= CAPACITY, "{step:?}");
        for key in known.keys() {
            assert!(members.contains_key(key), "{step:?}: {key} is gone");
        }
        drop(members);
        for key in 0..8 {
            let naive = known.get(&key).copied().unwrap_or_default();
            let configured = naive.configured.unwrap_or(limit);
            let expected = naive.forced.map_or(configured, |(forced, _)| forced);
            assert_eq!(call(&family, key), expected, "{step:?}: {key}");
            assert!(
                known.len() == CAPACITY || is_member(&family, key),
                "{step:?}: {key}"
            );
        }
        most = most.max(known.len());
    }
    most
}

fn run(steps: Vec<Step>) -> usize {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(play(steps))
}

proptest! {
    #[test]
    fn each_key_has_the_limit_of_the_naive_model(steps in steps()) {
        run(steps);
    }
}

#[test]
fn forced_limits_fill_a_family() {
    let force = (0..8).map(|key| Step::Force(key, 3)).collect();
    assert_eq!(run(force), CAPACITY);
}

#[test]
fn idle_members_go_in_steps_between_which_keys_come() {
    let family = Timeout::builder()
        .build_family::<u32>("steps", 1_000)
        .unwrap();
    let busy = family.get(&7);
    for key in 0..300 {
        drop(family.get(&key));
    }
    assert_eq!(family.evict_idle(), 0); // all were used just now
    let mut walk = Walk::new();
    let (mut gone, mut left) = (0, HashSet::from([7]));
    for key in 300.. {
        let some = family.0.evict_some(&mut walk).len();
        assert!(some <= EXAMINED);
        gone += some;
        drop(family.get(&key));
        left.insert(key);
        if walk.is_over() {
            break;
        }
    }
    assert_eq!(gone, 299);
    assert!(left.len() > 4 && busy.is_same(&family.get(&7)));
    let members: Vec<_> = family.iter().map(|(key, _)| key).collect();
    assert_eq!(members.len(), left.len());
    assert_eq!(members.into_iter().collect::<HashSet<_>>(), left);
}

thread_local! {
    static CLONES: Cell<usize> = const { Cell::new(0) };
}

/// A key that counts how often it is cloned, as before each search for a member to evict.
#[derive(PartialEq, Eq, Hash)]
struct Counted(u32);

impl Clone for Counted {
    fn clone(&self) -> Self {
        CLONES.set(CLONES.get() + 1);
        Self(self.0)
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_keys_without_room_searches_once_in_a_while() {
    let family = Timeout::builder().build_family("flood", 2).unwrap();
    let handles = [1, 2].map(|key| family.get(&Counted(key)));
    CLONES.set(0);
    for key in 3..1_003 {
        drop(family.get(&Counted(key)));
    }
    // 16 searches: of the key two clones, and of each of two members that cannot go two more at most.
    assert!(CLONES.get() <= 16 * 6 && family.len() == 2);
    drop(handles);
    let is_member = |key| family.iter().any(|(member, _)| member == Counted(key));
    drop(family.get(&Counted(3)));
    assert!(!is_member(3));
    advance(Duration::from_millis(5)).await;
    drop(family.get(&Counted(3)));
    assert!(is_member(3));
    // From then on each key searches again, as one has found a member.
    drop(family.get(&Counted(4)));
    assert!(is_member(4));
}

#[tokio::test(start_paused = true)]
async fn all_members_are_examined_before_searches_pause() {
    let family = Timeout::builder().build_family("round", 2_000).unwrap();
    let _held: Vec<_> = (0..1_999).map(|key| family.get(&key)).collect();
    drop(family.get(&1_999));
    // The last member is one of the 32nd 64 of 2,000.
    let evicts = |key: &u32| {
        drop(family.get(key));
        family.iter().any(|(member, _)| member == *key)
    };
    assert_eq!((2_000..3_000).find(evicts), Some(2_031));
}

type OtherCaller = Box<dyn FnOnce()>;

thread_local! {
    static BEFORE_LOCK: Cell<Option<OtherCaller>> = const { Cell::new(None) };
}

/// A key that another caller overtakes just before the lock, where a family makes its text.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Late(u32);

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(other_caller) = BEFORE_LOCK.take() {
            other_caller();
        }
        self.0.fmt(f)
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_at_the_lock_sees_a_pause_that_has_just_begun() {
    let family = Timeout::builder()
        .build_family("queue", 1)
        .unwrap()
        .show_keys();
    let (other, held) = (family.clone(), family.get(&Late(1)));
    BEFORE_LOCK.set(Some(Box::new(move || {
        (3..19).for_each(|key| drop(other.get(&Late(key))));
        drop(held); // a search would find it
    })));
    assert_eq!(family.get(&Late(2)).key(), None);
    // A key that has a member is not concerned.
    assert_eq!(family.get(&Late(1)).key().as_deref(), Some("1"));
    let found = family.0.find_or_make(&Late(1));
    assert!(!found.is_same(&family.0.overflow));
    drop(found);
    advance(Duration::from_millis(5)).await;
    assert_eq!(family.get(&Late(2)).key().as_deref(), Some("2"));
}
