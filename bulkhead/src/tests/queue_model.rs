//! The queue against a naive model: a deque of waiters and a list of callers with places.

use std::{
    collections::VecDeque,
    num::NonZeroU32,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use proptest::prelude::*;

use crate::{
    Acquire, Bulkhead, Cause, Permit, Queue,
    state::{Core, Many},
};

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A number of places.
    Try(u32),
    /// Waits for places at the head of the line (`true`) or at its end.
    Wait(u32, bool),
    /// Gives its places back: the number of the caller, modulo those inside.
    Leave(usize),
    /// Drops a waiter: its number, modulo those that wait or have not fetched their places.
    GiveUp(usize),
    Resize(usize),
    Close,
}

fn places() -> impl Strategy<Value = u32> {
    prop_oneof![3 => Just(1_u32), 2 => 1_u32..6]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        40 => places().prop_map(Step::Try),
        80 => (places(), any::<bool>()).prop_map(|(places, head)| Step::Wait(places, head)),
        80 => any::<usize>().prop_map(Step::Leave),
        40 => any::<usize>().prop_map(Step::GiveUp),
        20 => (1_usize..6).prop_map(Step::Resize),
        1 => Just(Step::Close),
    ]
}

/// Callers are numbers with their places. After each step the first waiters take the free places.
#[derive(Debug, Default)]
struct Naive {
    limit: usize,
    closed: bool,
    inside: Vec<(u32, u32)>,
    line: VecDeque<(u32, u32)>,
    refused: Vec<(u32, Cause)>,
}

impl Naive {
    fn held(&self) -> usize {
        self.inside.iter().map(|(_, places)| *places as usize).sum()
    }

    fn has_room(&self, places: u32) -> bool {
        self.held() + places as usize <= self.limit
    }

    fn settle(&mut self) {
        while let Some((first, places)) = self.line.front().copied() {
            if self.closed {
                self.refused.push((first, Cause::Closed));
            } else if places as usize > self.limit {
                self.refused.push((first, Cause::TooHeavy));
            } else if self.has_room(places) {
                self.inside.push((first, places));
            } else {
                return;
            }
            self.line.pop_front();
        }
    }
}

/// A caller of the real bulkhead, as far as the caller knows.
#[derive(Debug)]
enum Caller {
    Waits(Acquire<Many<Arc<Core>>>),
    Inside(#[expect(dead_code, reason = "held, and dropped")] Permit<Many<Arc<Core>>>),
}

proptest! {
    #[test]
    fn any_history_of_a_queue_agrees_with_a_deque(
        limit in 1_usize..5,
        length in 0_usize..5,
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let bulkhead = Bulkhead::builder().limit(limit).build("model").unwrap();
        let mut naive = Naive { limit, ..Naive::default() };
        let mut callers: Vec<(u32, Caller)> = Vec::new();
        let context = Context::from_waker(Waker::noop());
        for (number, step) in (0_u32..).zip(steps) {
            match step {
                Step::Try(places) => {
                    let room = !naive.closed && naive.line.is_empty() && naive.has_room(places);
                    match bulkhead.try_acquire_many(NonZeroU32::new(places).unwrap()) {
                        Ok(permit) => {
                            prop_assert!(room);
                            naive.inside.push((number, places));
                            callers.push((number, Caller::Inside(permit)));
                        }
                        Err(full) => {
                            prop_assert!(!room);
                            prop_assert_eq!(full.in_flight(), naive.held());
                            prop_assert_eq!(full.limit(), naive.limit);
                            prop_assert_eq!(full.queued(), naive.line.len());
                            let heavy = places as usize > naive.limit;
                            prop_assert_eq!(full.cause(), match (naive.closed, heavy) {
                                (true, _) => Cause::Closed,
                                (false, true) => Cause::TooHeavy,
                                (false, false) => Cause::AtLimit,
                            });
                            let told = (heavy && !naive.closed).then_some(places as usize);
                            prop_assert_eq!(full.places(), told);
                        }
                    }
                }
                Step::Wait(places, newest_first) => {
                    let queue = Queue::new(length, Duration::MAX);
                    let queue = if newest_first { queue.newest_first() } else { queue };
                    let many = Many::new(bulkhead.0.clone(), NonZeroU32::new(places).unwrap());
                    let mut acquire = Acquire::new(many, queue.line);
                    match acquire.poll_permit(context.waker(), || Duration::ZERO) {
                        Poll::Ready(Ok(permit)) => {
                            prop_assert!(!naive.closed && naive.has_room(places));
                            prop_assert!(naive.line.is_empty() || newest_first);
                            naive.inside.push((number, places));
                            callers.push((number, Caller::Inside(permit)));
                        }
                        Poll::Ready(Err(full)) => {
                            let heavy = places as usize > naive.limit;
                            prop_assert_eq!(full.cause(), match (naive.closed, heavy) {
                                (true, _) => Cause::Closed,
                                (false, true) => Cause::TooHeavy,
                                (false, false) => Cause::QueueFull,
                            });
                            prop_assert!(
                                naive.closed || heavy || naive.line.len() >= length,
                                "{full}",
                            );
                        }
                        Poll::Pending => {
                            prop_assert!(!naive.closed && places as usize <= naive.limit);
                            prop_assert!(naive.line.len() < length);
                            if newest_first {
                                naive.line.push_front((number, places));
                            } else {
                                naive.line.push_back((number, places));
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
                        naive.inside.retain(|&(n, _)| n != left);
                    }
                }
                Step::GiveUp(who) => {
                    // Some of them were granted places that they have not fetched, or were refused.
                    let waiting: Vec<_> = (0..callers.len())
                        .filter(|&n| matches!(callers[n].1, Caller::Waits(_)))
                        .collect();
                    if !waiting.is_empty() {
                        let (left, _) = callers.remove(waiting[who % waiting.len()]);
                        naive.inside.retain(|&(n, _)| n != left);
                        naive.line.retain(|&(n, _)| n != left);
                    }
                }
                Step::Resize(limit) => {
                    bulkhead.set_limit(limit).unwrap();
                    naive.limit = limit;
                }
                Step::Close => {
                    drop(bulkhead.close());
                    naive.closed = true;
                }
            }
            naive.settle();
            prop_assert_eq!(bulkhead.in_flight(), naive.held());
            prop_assert_eq!(bulkhead.queued(), naive.line.len());
            prop_assert_eq!(bulkhead.limit(), naive.limit);
            prop_assert_eq!(bulkhead.is_closed(), naive.closed);
            // Every other step the waiters are polled. A waiter gets its places exactly if the model says so.
            if number % 2 == 0 {
                let mut refused = Vec::new();
                for (n, caller) in &mut callers {
                    let Caller::Waits(acquire) = caller else { continue };
                    match acquire.poll_permit(context.waker(), || Duration::ZERO) {
                        Poll::Ready(Ok(permit)) => {
                            prop_assert!(naive.inside.iter().any(|(inside, _)| inside == n));
                            *caller = Caller::Inside(permit);
                        }
                        Poll::Ready(Err(full)) => {
                            // A close that came after a refusal is what the refusal tells.
                            let closed = naive.closed.then_some(Cause::Closed);
                            let found = naive.refused.iter().find(|(refused, _)| refused == n);
                            let cause = closed.or(found.map(|(_, cause)| *cause));
                            prop_assert!(found.is_some());
                            prop_assert_eq!(Some(full.cause()), cause);
                            refused.push(*n);
                        }
                        Poll::Pending => {
                            prop_assert!(naive.line.iter().any(|(waits, _)| waits == n));
                        }
                    }
                }
                callers.retain(|(n, _)| !refused.contains(n));
            }
        }
        drop(callers);
        prop_assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (0, 0));
    }
}
