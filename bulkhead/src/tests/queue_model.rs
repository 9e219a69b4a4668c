//! The queue against a naive model: a deque of waiters and a list of callers with a place.

use std::{
    collections::VecDeque,
    task::{Context, Poll, Waker},
    time::Duration,
};

use proptest::prelude::*;

use crate::{Acquire, Bulkhead, Permit, Queue};

#[derive(Clone, Copy, Debug)]
enum Step {
    Try,
    /// Waits at the head of the line (`true`) or at its end.
    Wait(bool),
    /// Gives a place back: the number of the caller, modulo those inside.
    Leave(usize),
    /// Drops a waiter: its number, modulo those that wait or have not fetched their place.
    GiveUp(usize),
    Resize(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Try),
        4 => any::<bool>().prop_map(Step::Wait),
        4 => any::<usize>().prop_map(Step::Leave),
        2 => any::<usize>().prop_map(Step::GiveUp),
        1 => (1_usize..6).prop_map(Step::Resize),
    ]
}

/// Callers are numbers. After each step the first waiters take the free places.
#[derive(Debug, Default)]
struct Naive {
    limit: usize,
    inside: Vec<u32>,
    line: VecDeque<u32>,
}

impl Naive {
    fn settle(&mut self) {
        while self.inside.len() < self.limit {
            let Some(first) = self.line.pop_front() else {
                return;
            };
            self.inside.push(first);
        }
    }
}

/// A caller of the real bulkhead, as far as the caller knows.
#[derive(Debug)]
enum Caller {
    Waits(Acquire),
    Inside(#[expect(dead_code, reason = "held, and dropped")] Permit),
}

proptest! {
    #[test]
    fn any_history_of_a_queue_agrees_with_a_deque(
        limit in 1_usize..4,
        length in 0_usize..5,
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let bulkhead = Bulkhead::builder().limit(limit).build("model").unwrap();
        let mut naive = Naive { limit, ..Naive::default() };
        let mut callers: Vec<(u32, Caller)> = Vec::new();
        let context = Context::from_waker(Waker::noop());
        for (number, step) in (0_u32..).zip(steps) {
            match step {
                Step::Try => {
                    let room = naive.inside.len() < naive.limit;
                    match bulkhead.try_acquire() {
                        Ok(permit) => {
                            prop_assert!(room);
                            naive.inside.push(number);
                            callers.push((number, Caller::Inside(permit)));
                        }
                        Err(full) => {
                            prop_assert!(!room);
                            prop_assert_eq!(full.in_flight(), naive.inside.len());
                            prop_assert_eq!(full.limit(), naive.limit);
                            prop_assert_eq!(full.queued(), naive.line.len());
                        }
                    }
                }
                Step::Wait(newest_first) => {
                    let queue = Queue::new(length, Duration::MAX);
                    let queue = if newest_first { queue.newest_first() } else { queue };
                    let mut acquire = Acquire::new(bulkhead.0.clone(), queue.into());
                    match acquire.poll_permit(context.waker()) {
                        Poll::Ready(Ok(permit)) => {
                            prop_assert!(naive.inside.len() < naive.limit);
                            naive.inside.push(number);
                            callers.push((number, Caller::Inside(permit)));
                        }
                        Poll::Ready(Err(full)) => {
                            prop_assert!(naive.inside.len() >= naive.limit);
                            prop_assert!(naive.line.len() >= length, "{full}");
                        }
                        Poll::Pending => {
                            prop_assert!(naive.line.len() < length);
                            if newest_first {
                                naive.line.push_front(number);
                            } else {
                                naive.line.push_back(number);
                            }
                            callers.push((number, Caller::Waits(acquire)));
                        }
                    }
                }
                Step::Leave(who) => {
                    let inside: Vec<_> = (0..callers.len())
                        .filter(|&n| matches!(callers[n].1, Caller::Inside(_)))
                        .collect();
                    if !inside.is_empty() {
                        let (left, _) = callers.remove(inside[who % inside.len()]);
                        naive.inside.retain(|&n| n != left);
                    }
                }
                Step::GiveUp(who) => {
                    // Some of them were granted a place that they have not fetched.
                    let waiting: Vec<_> = (0..callers.len())
                        .filter(|&n| matches!(callers[n].1, Caller::Waits(_)))
                        .collect();
                    if !waiting.is_empty() {
                        let (left, _) = callers.remove(waiting[who % waiting.len()]);
                        naive.inside.retain(|&n| n != left);
                        naive.line.retain(|&n| n != left);
                    }
                }
                Step::Resize(limit) => {
                    bulkhead.set_limit(limit).unwrap();
                    naive.limit = limit;
                }
            }
            naive.settle();
            prop_assert_eq!(bulkhead.in_flight(), naive.inside.len());
            prop_assert_eq!(bulkhead.queued(), naive.line.len());
            prop_assert_eq!(bulkhead.limit(), naive.limit);
            // Every other step the waiters are polled. A waiter gets its place exactly if the model says so.
            if number % 2 == 0 {
                for (n, caller) in &mut callers {
                    let Caller::Waits(acquire) = caller else { continue };
                    match acquire.poll_permit(context.waker()) {
                        Poll::Ready(permit) => {
                            prop_assert!(naive.inside.contains(n));
                            *caller = Caller::Inside(permit.unwrap());
                        }
                        Poll::Pending => prop_assert!(naive.line.contains(n)),
                    }
                }
            }
        }
        drop(callers);
        prop_assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (0, 0));
    }
}
