//! Claims of `open_limit.rs`. The members of a family, without its map.

use loom::sync::Arc;

use super::{builder, fail, race};
use crate::{
    state::{OpenLimit, StateMachine, word::Phase},
    tests::explore,
    types::{Override, State},
};

/// Two of `members`, of which `percent` of a hundred may be open.
fn family(members: u32, percent: u8) -> (std::sync::Arc<OpenLimit>, [Arc<StateMachine>; 2]) {
    let limit = std::sync::Arc::new(OpenLimit::none());
    limit.set(percent);
    (0..members).for_each(|_| limit.join());
    let member = || {
        let config = builder().consecutive_failures(1).validate().unwrap();
        let member =
            StateMachine::new("member", config).in_family(std::sync::Arc::clone(&limit), None);
        Arc::new(member)
    };
    let both = [member(), member()];
    (limit, both)
}

fn open(member: &StateMachine) {
    let call = member.admit(|| 0).unwrap();
    fail(member, call, 0);
}

fn are_open(members: &[Arc<StateMachine>]) -> usize {
    let is_open = |member: &&Arc<StateMachine>| member.state.load().phase() == Phase::Open;
    members.iter().filter(is_open).count()
}

#[test]
fn members_that_open_at_once_take_one_place_each() {
    explore(Some(3), || {
        let (_, members) = family(3, 50);
        let other = Arc::clone(&members[1]);
        race(&members[0], open, move |_| open(&other));
        assert_eq!(are_open(&members), 1);
        let kept = members
            .each_ref()
            .map(|member| member.snapshot(0).kept_closed());
        assert_eq!(kept.iter().sum::<u64>(), 1);
    });
}

#[test]
fn a_place_is_free_only_once_its_member_has_closed() {
    explore(Some(3), || {
        let (_, members) = family(2, 50);
        let closes = Arc::clone(&members[0]);
        open(&closes);
        race(
            &members[1],
            |opens| {
                open(opens);
                assert!(are_open(&members) <= 1);
            },
            move |_| closes.reset(Override::new("test", "reset"), 0),
        );
    });
}

#[test]
fn a_member_that_goes_leaves_no_more_open_than_may_be() {
    explore(Some(3), || {
        // Two of three may be open, or one of two.
        let (limit, members) = family(3, 67);
        open(&members[0]);
        let (left, ()) = race(&members[1], |_| limit.leave(false), open);
        assert_eq!(are_open(&members), if left { 1 } else { 2 });
    });
}

#[test]
fn failures_of_a_member_kept_closed_are_all_counted() {
    explore(Some(3), || {
        let (_, [_, alone]) = family(1, 100);
        race(&alone, open, open);
        let snapshot = alone.snapshot(0);
        assert_eq!(snapshot.state(), State::Closed);
        assert_eq!(
            (snapshot.consecutive_failures(), snapshot.kept_closed()),
            (2, 2)
        );
    });
}
