//! Which members of a family stay, and what they hold.

use std::time::Duration;

use super::RetryBudgets;
use crate::{
    budget::{BudgetBuilder, RetryBudget},
    types::BudgetState,
};

fn numbers() -> BudgetBuilder {
    RetryBudget::builder()
        .ratio(0.0)
        .floor_per_second(1)
        .ttl(Duration::from_secs(10))
}

fn family(capacity: usize) -> RetryBudgets<u32> {
    numbers()
        .build_family("hosts", capacity)
        .expect("legal numbers")
}

fn spend(budget: &RetryBudget) {
    budget.try_hold().expect("credit for one").spend();
}

#[tokio::test(start_paused = true)]
async fn member_with_spent_credit_stays_until_it_is_earned() {
    let hosts = family(1);
    spend(&hosts.get(&1));
    spend(&hosts.get(&2)); // of the overflow
    assert_eq!((hosts.len(), hosts.get(&1).balance()), (1, 9));
    assert_eq!(hosts.overflow().balance(), 9);
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(hosts.get(&2).balance(), 10);
    assert!(!hosts.get(&2).is_same(&hosts.overflow()));
    assert!(hosts.iter().map(|(key, _)| key).eq([2]));
}

#[tokio::test(start_paused = true)]
async fn many_keys_bring_no_more_credit_than_the_capacity() {
    let (hosts, mut granted) = (family(8), 0);
    for key in 0..1_000 {
        while let Some(hold) = hosts.get(&key).try_hold() {
            hold.spend();
            granted += 1;
        }
    }
    assert_eq!(granted, (8 + 1) * 10);
    assert_eq!(hosts.len(), 8);
}

#[tokio::test(start_paused = true)]
async fn handle_and_hold_keep_their_member() {
    let hosts = family(1);
    let hold = hosts.get(&1).try_hold();
    assert!(hosts.get(&2).is_same(&hosts.overflow()));
    drop(hold);
    let handle = hosts.get(&1);
    assert!(hosts.get(&2).is_same(&hosts.overflow()));
    drop(handle);
    assert!(!hosts.get(&2).is_same(&hosts.overflow()));
}

#[tokio::test(start_paused = true)]
async fn idle_members_are_evicted() {
    let hosts = family(9);
    (0..5).for_each(|key| drop(hosts.get(&key)));
    spend(&hosts.get(&0));
    let held = hosts.get(&1);
    assert_eq!((hosts.evict_idle(), hosts.len()), (0, 5));
    assert_eq!((hosts.evict_idle(), hosts.len()), (3, 2));
    drop(held);
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!((hosts.evict_idle(), hosts.is_empty()), (2, true));
}

#[tokio::test(start_paused = true)]
async fn changed_numbers_reach_present_and_future_members() {
    let hosts = family(1);
    let member = hosts.get(&1);
    hosts.reconfigure(numbers().floor_per_second(0)).unwrap();
    assert!(hosts.reconfigure(numbers().ratio(-1.0)).is_err());
    assert_eq!((member.balance(), hosts.overflow().balance()), (0, 0));
    drop(member);
    assert_eq!(hosts.get(&2).balance(), 0);
    assert!(numbers().build_family::<u32>("none", 0).is_err());
}

#[tokio::test(start_paused = true)]
async fn events_and_handles_name_the_key_if_keys_are_shown() {
    let (log, heard) = std::sync::mpsc::channel();
    let mut keys = Vec::new();
    for hosts in [family(1), family(1).show_keys()] {
        let (log, member) = (log.clone(), hosts.get(&7));
        let _listener = member.on_event(move |event| log.send(event.clone()).unwrap());
        (0..10).for_each(|_| spend(&member));
        assert!(member.try_hold().is_none());
        assert_eq!(hosts.overflow().key(), None);
        keys.push(member.key());
    }
    assert_eq!(keys, [None, Some("7".into())]);
    let told = heard
        .try_iter()
        .map(|event| (event.key(), event.to_string()));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (None, "retry budget `hosts` refuses retries".into()),
            (
                Some("7".into()),
                "retry budget `hosts` [7] refuses retries".into()
            ),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn family_hears_of_present_and_future_members_and_the_overflow() {
    let (log, heard) = std::sync::mpsc::channel();
    let hosts = family(2);
    drop(hosts.get(&1));
    let listener = hosts.on_event(move |key, event| {
        log.send((key.copied(), event.state())).unwrap();
    });
    for key in [2, 1, 3] {
        let budget = hosts.get(&key);
        (0..10).for_each(|_| spend(&budget));
        assert!(budget.try_hold().is_none());
    }
    drop(listener);
    tokio::time::advance(Duration::from_secs(11)).await;
    spend(&hosts.overflow());
    let expected = [Some(2), Some(1), None].map(|key| (key, BudgetState::Refusing));
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), expected);
}
