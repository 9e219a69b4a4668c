#!/usr/bin/env bash
# The crate with one line broken: its tests must notice.
. "$(dirname "$0")/../.ci/mutants.sh" maestro-circuit-breaker

mutants_features=family
mutants_loom_features=family

mutant 'the state word changed by load, then store' src/state/word.rs \
    '.compare_exchange(from.0, to.0, AcqRel, Acquire)
            .is_ok()' \
    '.load(Acquire) == from.0 && { self.word.store(to.0, Release); true }' \
    'state::tests::loom::probes::a_probe_admitted_during_a_decision_leaves_no_lease'
mutant 'a call recorded in its bucket by load, then store' src/window/time.rs \
    'match bucket.compare_exchange(seen, next.0, AcqRel, Acquire) {' \
    'match Ok::<_, u64>(bucket.store(next.0, std::sync::atomic::Ordering::Release)) {' \
    'state::tests::loom::windows::a_failure_and_a_slow_call_open_the_breaker_once'
mutant 'a slot given back by load, then store' src/state/slots.rs \
    '.compare_exchange(lease.0, FREE, AcqRel, Relaxed)
            .is_ok()' \
    '.load(Acquire) == lease.0 && { self.slot(index).lease.store(FREE, std::sync::atomic::Ordering::Release); true }' \
    'state::tests::loom::probes::the_end_of_a_probe_or_of_its_time_counts_once'
mutant 'a lease replaced by load, then store' src/state/slots.rs \
    '.compare_exchange(lease.0, answered.0, AcqRel, Relaxed)
            .is_ok()' \
    '.load(Acquire) == lease.0 && { self.slot(index).lease.store(answered.0, std::sync::atomic::Ordering::Release); true }' \
    'state::tests::loom::probes::a_probe_answered_at_its_deadline_counts_once'
mutant 'a slot taken by load, then store' src/state/slots.rs \
    '.compare_exchange(seen, lease.0, AcqRel, Relaxed)
                        .is_ok()' \
    '.load(Acquire) == seen && { slot.lease.store(lease.0, std::sync::atomic::Ordering::Release); true }' \
    'state::tests::loom::probes::a_probe_admitted_during_a_decision_leaves_no_lease'
mutant 'two failures in two buckets that may overlook each other' src/window/time.rs \
    'fence(SeqCst);' \
    'let _ = (SeqCst, fence);' \
    'state::tests::loom::windows::one_of_two_failures_across_a_step_sees_both'
mutant 'an end of the wait that is read in one pass without a second look' src/state/admit.rs \
    '(word.is_open() && self.state.load() == word).then_some' \
    'word.is_open().then_some' \
    'state::tests::loom::a_reader_sees_one_of_two_openings_whole'
mutant 'an end of the wait that is read without a second look' src/state/admit.rs \
    '(self.state.load().generation() == word.generation()).then_some(Refusal {' \
    'Some(Refusal {' \
    'state::tests::loom::a_reader_sees_one_of_two_openings_whole'
mutant 'transitions that nothing keeps apart' src/state/transitions.rs \
    'let mut history = self.transitions.lock();
        let word = self.state.load();
        if word' \
    'let nothing = crate::sync::Mutex::new(crate::state::overrides::History::NONE);
        let mut history = nothing.lock();
        let word = self.state.load();
        if word' \
    'state::tests::loom::a_late_failure_never_opens_a_newer_generation'
mutant 'a transition told after the lock is given back' src/observe/listeners.rs \
    'if waiting.delivering && !is_mine {' \
    'if false {' \
    'state::tests::loom::listeners_hear_of_every_transition_once_and_in_order'
model_mutant 'a reciprocal rounded down' src/window/count/last_calls.rs \
    '/ size as u64 + 1,' \
    '/ size as u64,' \
    'window::count::last_calls::tests::slots_of_the_largest_tickets_are_remainders'
mutant 'the last calls counted by load, then store' src/window/count/mod.rs \
    'match self.head.compare_exchange(head.0, next.0, AcqRel, Acquire) {' \
    'match (self.head.load(Acquire) == head.0).then(|| self.head.store(next.0, std::sync::atomic::Ordering::Release)).ok_or(()) {' \
    'state::tests::loom::windows::a_late_result_never_enters_newer_last_calls'
mutant 'how a call ended written by load, then store' src/window/count/mod.rs \
    'match group.compare_exchange(seen, next, AcqRel, Acquire) {' \
    'let now = group.load(Acquire);
            match (now == seen).then(|| group.store(next, std::sync::atomic::Ordering::Release)).ok_or(now) {' \
    'window::tests::a_thread_delayed_for_a_lap_overwrites_nothing'
mutant 'how a call ended written over that of a later one' src/window/count/mod.rs \
    'if self.head.load(Acquire) != head.0 {' \
    'if false {' \
    'window::tests::a_thread_delayed_for_a_lap_overwrites_nothing'
mutant 'two ends of overrides in one place' src/state/word.rs \
    '(self.generation() % 2) as usize' \
    '(self.generation() * 0) as usize' \
    'state::tests::loom::overrides::a_reader_sees_one_of_two_overrides_whole'
mutant 'two numbers of overrides in one place' src/state/word.rs \
    'self.forced_by[next.turn()].store' \
    'self.forced_by[0].store' \
    'state::tests::loom::overrides::a_rejection_names_the_override_of_its_end'
model_mutant 'an override whose end needs a look' src/state/record.rs \
    'self.advance(now);
        }
        let now_or_read' \
    'let _ = now;
        }
        let now_or_read' \
    'tests::model::a_call_that_ends_after_an_override_is_late'
mutant 'late probes that keep their slots' src/state/probes.rs \
    'if counts.in_flight > 0 || left != word {' \
    'if left != word {' \
    'state::tests::loom::probes::a_probe_that_ends_during_a_decision_leaves_no_lease'
mutant 'a probe admitted at the last moment that keeps its slot' src/state/probes.rs \
    'if counts.in_flight > 0 || left != word {' \
    'if counts.in_flight > 0 {'
model_mutant 'a wait that forgets how often it was opened' src/state/overrides.rs \
    'openings.saturating_add(1)' \
    'openings.saturating_add(0)' \
    'tests::model::any_history_agrees_with_a_naive_breaker'
model_mutant 'openings that are forgotten when it closes' src/state/overrides.rs \
    'if now.saturating_sub(self.closed_since) < time {' \
    'if false && now.saturating_sub(self.closed_since) < time {' \
    'tests::model::an_opening_on_a_ramp_waits_longer_than_the_first'
model_mutant 'a time on the ramp that counts as closed' src/state/overrides.rs \
    'history.closes(at);' \
    'let _ = &mut history;' \
    'tests::model::an_opening_on_a_ramp_waits_longer_than_the_first'
model_mutant 'openings forgotten before a window has passed' src/config/mod.rs \
    'next_wait.max(window.unwrap_or(REMEMBERED))' \
    'next_wait.max(window.unwrap_or(REMEMBERED).min(1))' \
    'tests::model::an_opening_on_a_ramp_waits_longer_than_the_first'
model_mutant 'an outage that is remembered for as long as it lasted' src/state/overrides.rs \
    'if !waits.is_longest(openings) {' \
    'if true || !waits.is_longest(openings) {' \
    'tests::model::any_history_agrees_with_a_naive_breaker'
mutant 'a trip that keeps the probes of the state before' src/state/overrides.rs \
    '// As in `begin`.
            self.probes.clear();' \
    '// As in `begin`.' \
    'state::tests::loom::overrides::a_probe_admitted_during_a_trip_leaves_no_lease'
model_mutant 'a late probe that frees the slot of another' src/state/probes.rs \
    'if !is_late && self.probes.free' \
    'if self.probes.free' \
    'tests::model::a_late_probe_leaves_a_reused_slot_alone'
model_mutant 'a window that outlives its generation' src/window/time.rs \
    '.wrapping_add(generation as u64 * AHEAD)' \
    '.wrapping_add(generation as u64 * 0 * AHEAD)' \
    'tests::model::any_history_agrees_with_a_naive_breaker'
model_mutant 'a slow probe that helps to close the circuit' src/state/probes.rs \
    '.map(|failed| failed || is_slow)' \
    '.map(|failed| failed)' \
    'tests::model::a_probe_that_succeeds_slowly_has_failed'

mutant 'a key whose second caller makes a second breaker' src/family/members.rs \
    'if let Some(core) = self.find(key) {' \
    'if let Some(core) = self.find(key).filter(|_| false) {' \
    'family::tests::loom::concurrent_first_calls_of_a_key_find_one_breaker'
model_mutant 'unknown keys that search without end' src/family/pause.rs \
    'if misses >= round.max(MISSES) {' \
    'if false {' \
    'family::pause::tests::a_pause_begins_after_enough_misses_and_ends_in_time'
model_mutant 'a member that its key does not reach in a pause' src/family/members.rs \
    'if self.pause.is_on(Instant::now) && self.map.get(key, |_| ()).is_none() {' \
    'if self.pause.is_on(Instant::now) {' \
    'family::tests::steps::a_key_at_the_lock_sees_a_pause_that_has_just_begun'
model_mutant 'a queue of keys that each search' src/family/members.rs \
    'if self.pause.is_on(|| now) {
            return None;' \
    'if false {
            return None;' \
    'family::tests::steps::a_key_at_the_lock_sees_a_pause_that_has_just_begun'
model_mutant 'a walk that holds the lock to its end' src/family/walk.rs \
    'for _ in 0..EXAMINED {' \
    'for _ in 0..usize::MAX {' \
    'family::tests::steps::idle_members_go_in_steps_between_which_keys_come'
mutant 'a member removed that a call may just have found' src/family/members.rs \
    'match Arc::try_unwrap(mem::replace(core, Arc::clone(&self.overflow))) {' \
    'match Ok::<_, Arc<Core>>(Core::new(self.name, crate::config::Builder::new().consecutive_failures(1).validate().unwrap())) {' \
    'family::tests::loom::a_call_in_flight_keeps_its_breaker'
mutant 'an opening between the look at a member and its end' src/family/members.rs \
    'if gone.machine().is_forgettable' \
    'if true || gone.machine().is_forgettable' \
    'family::tests::loom::a_failure_that_opens_is_not_lost_to_an_eviction'
model_mutant 'a family that forgets an open member' src/state/transitions.rs \
    '_ => self.state.until(word) > now,' \
    '_ => false && self.state.until(word) > now,' \
    'family::tests::model::failing_keys_fill_a_family'
mutant 'a place for an open member taken by load, then store' src/state/open_limit.rs \
    '            .fetch_update(AcqRel, Acquire, |word| {
                to(Places(word)).map(|Places(word)| word)
            })
            .is_ok()' \
    '            .fetch_max(to(Places(self.0.load(Acquire))).map_or(0, |Places(word)| word), AcqRel) > 0' \
    'state::tests::loom::open_limit::members_that_open_at_once_take_one_place_each'
mutant 'a place given back before its member has closed' src/state/transitions.rs \
    'let left = self.state.enter(next);
        // After the word: the place is free once this member rejects no more.
        self.membership.left(word.phase(), phase);' \
    'self.membership.left(word.phase(), phase);
        let left = self.state.enter(next);' \
    'state::tests::loom::open_limit::a_place_is_free_only_once_its_member_has_closed'
mutant 'a place given back without an order' src/state/open_limit.rs \
    'self.0.fetch_sub(PLACE, AcqRel);' \
    'self.0.fetch_sub(PLACE, Relaxed);' \
    'state::tests::loom::open_limit::a_place_is_free_only_once_its_member_has_closed'
mutant 'a member that leaves more open than may be' src/state/open_limit.rs \
    'left.are_within_limit().then_some(left)' \
    'Some(left)' \
    'state::tests::loom::open_limit::a_member_that_goes_leaves_no_more_open_than_may_be'
model_mutant 'a member kept closed that loses its row' src/state/row.rs \
    'if self.state.load().generation() != generation {
                    return;
                }
                // Its family' \
    'if true {
                    return;
                }
                // Its family' \
    'state::tests::no_lock::a_member_that_its_family_keeps_closed_goes_on_counting'
mutant 'a call of a member kept closed that counts each time that it is repeated' src/state/row.rs \
    'may_open = false;' \
    'may_open = true;' \
    'state::tests::loom::open_limit::failures_of_a_member_kept_closed_are_all_counted'
model_mutant 'a member kept closed that takes a lock each time' src/state/transitions.rs \
    'if self.membership.is_full() && self.state' \
    'if false && self.membership.is_full() && self.state' \
    'state::tests::no_lock::a_member_that_its_family_keeps_closed_goes_on_counting'
model_mutant 'a half-open member without a place' src/state/word.rs \
    'Self::Open | Self::HalfOpen(_) | Self::ForcedOpen)' \
    'Self::Open | Self::ForcedOpen)' \
    'family::tests::open_limit::a_member_opens_exactly_where_there_is_a_place'
model_mutant 'the last member that opens' src/state/open_limit.rs \
    'taken < members && is_in_share' \
    'taken <= members && is_in_share' \
    'family::tests::open_limit::a_member_opens_exactly_where_there_is_a_place'
model_mutant 'an evicted member that keeps its place' src/family/members.rs \
    'if holds_place {
            self.open_limit.give_back();' \
    'if false && holds_place {
            self.open_limit.give_back();' \
    'family::tests::open_limit::a_member_opens_exactly_where_there_is_a_place'
model_mutant 'an operator who takes no place' src/state/open_limit.rs \
    '            limit.take();' \
    '            let _ = limit;' \
    'family::tests::open_limit::a_member_opens_exactly_where_there_is_a_place'
mutant 'a waiter that goes to sleep without a second look' src/state/waiters.rs \
    'self.admit(|| now).ok()' \
    'None::<Admission>'
mutant 'a waiter that leaves with the slot that it was woken for' src/state/waiters.rs \
    'if !self.waiters.leave(ticket) {' \
    'if !self.waiters.leave(ticket) && false {'
model_mutant 'a transition that wakes no call' src/state/transitions.rs \
    'self.wake_for_transition();
        self.observers.deliver' \
    'self.observers.deliver' \
    'state::tests::waiting::no_call_sleeps_that_could_be_admitted'
model_mutant 'a trip that wakes no call' src/state/overrides.rs \
    'self.deliver();
        opens' \
    'self.observers.deliver(|| self.state());
        opens' \
    'state::tests::waiting::no_call_sleeps_that_could_be_admitted'
model_mutant 'a slot given back that wakes no call' src/state/probes.rs \
    'return self.wake_for_room();' \
    'return if false { self.wake_for_room() };' \
    'state::tests::waiting::no_call_sleeps_that_could_be_admitted'
model_mutant 'a transition that wakes one waiter only' src/state/waiters.rs \
    'self.waiters.wake_all();' \
    'self.waiters.wake_first();' \
    'state::tests::waiting::no_call_sleeps_that_could_be_admitted'
model_mutant 'a transition that wakes all calls in its thread' src/state/waiters.rs \
    '(wakers.len() < BATCH).then(' \
    '(wakers.len() < usize::MAX).then(' \
    'state::tests::waiting::a_transition_wakes_a_bounded_number_of_ten_thousand_calls'
mutant 'an alarm that no woken call passes on' src/state/waiters.rs \
    'let (others, alarms) = (queue.alarmed(), queue.alarms);' \
    'let (others, alarms) = (Vec::<Waker>::new(), queue.alarms);' \
    'state::tests::loom::waiting::disabling_wakes_all_waiting_calls'
model_mutant 'a woken call that takes the alarm for another poll of a ramp' src/state/waiters.rs \
    'waker.is_some() && ticket.alarm == alarms' \
    'waker.is_some()' \
    'state::tests::waiting::ramp::a_call_polled_before_its_alarm_asks_on_a_ramp'
model_mutant 'an alarm that wakes calls again that have asked since' src/state/waiters.rs \
    'first.key().0 < self.alarms' \
    'first.key().0 <= self.alarms' \
    'state::tests::waiting::no_call_sleeps_that_could_be_admitted'
model_mutant 'a panicking waker that holds others up' src/state/waiters.rs \
    'contained(|| waker.wake());' \
    'waker.wake();' \
    'state::tests::waiting::a_panicking_waker_holds_up_no_other'
model_mutant 'a waiter that sleeps until a distant end' src/state/waiters.rs \
    'ticket.due.min(after(now, LONGEST_SLEEP))' \
    'ticket.due' \
    'state::tests::waiting::a_distant_end_holds_others_up_for_a_minute'
model_mutant 'a look after a minute that is a new call of a ramp' src/state/waiters.rs \
    'let timer = ticket.due.min(after(now, LONGEST_SLEEP));' \
    'ticket.due = ticket.due.min(after(now, LONGEST_SLEEP)); let timer = ticket.due;' \
    'state::tests::waiting::ramp::a_look_after_a_minute_is_no_new_call_of_a_ramp'
model_mutant 'a slot that no other call looks for' src/state/waiters.rs \
    'deadline.min(after(now, PATIENCE))' \
    'deadline' \
    'state::tests::waiting::a_slot_offered_in_vain_is_looked_for'
model_mutant 'a waiter that is woken by its own look' src/state/waiters.rs \
    '.is_some_and(|ticket| self.waiters.rouse(ticket));' \
    '.is_some_and(|ticket| false && self.waiters.rouse(ticket));' \
    'state::tests::waiting::no_call_sleeps_that_could_be_admitted'
model_mutant 'a waiter that comes at each poll of a ramp' src/state/waiters.rs \
    'was_asleep && self.is_ramping()' \
    'false && was_asleep && self.is_ramping()' \
    'state::tests::waiting::ramp::a_call_polled_often_counts_once_a_step_of_a_ramp'

mutant 'numbers read without a second look' src/state/config_cell.rs \
    'if self.plan() == plan {
                return (plan, numbers);' \
    'if true {
                return (plan, numbers);' \
    'state::tests::loom::reconfigure::a_reader_of_changing_numbers_sees_one_revision'
mutant 'an opening by the old limit for the new wait' src/state/transitions.rs \
    'if self.config.plan() != plan {
            return false;' \
    'if false && self.config.plan() != plan {
            return false;' \
    'state::tests::loom::reconfigure::a_failure_uses_the_old_numbers_or_the_new_ones'
mutant 'a call slow by the old limit that opens by the new minimum' src/state/record.rs \
    '(config.window, ends(&config))' \
    '(config.window, ends(&config).map(|_| Ended { failed: true, slow: true }))' \
    'state::tests::loom::reconfigure::a_call_is_slow_by_the_numbers_that_evaluate_it'
model_mutant 'an opening on a ramp that waits as the first one' src/state/transitions.rs \
    'history.opens(word.is_closed(),' \
    'history.opens(true || word.is_closed(),'
mutant 'calls on a ramp numbered by load, then store' src/state/ramp.rs \
    'is_among(generation, self.0.fetch_add(1, Relaxed), share)' \
    '{ let number = self.0.load(Relaxed); self.0.store(number + 1, Relaxed); is_among(generation, number, share) }' \
    'state::tests::loom::reconfigure::a_ramp_admits_its_share_of_concurrent_calls'
model_mutant 'a ramp whose share is periodic' src/state/ramp.rs \
    '!hundred.is_available(position as u32)' \
    'hundred.rejections < 100 && ((number % WHOLE + 1) * share).div_ceil(WHOLE) > (number % WHOLE * share).div_ceil(WHOLE)' \
    'state::tests::ramp::kinds_in_turn_get_close_to_their_share_of_a_ramp'
mutant 'a forgotten row that ends with the time of a new one' src/state/row.rs \
    'self.state.swap(word, word.with_in_a_row(0));
                continue;' \
    'self.last_failure.note(now, false);
                if self.state.swap(word, word.with_in_a_row(1)) {
                    return;
                }
                continue;' \
    'state::tests::loom::two_failures_after_a_forgotten_row_begin_one'
model_mutant 'failures in a row that are never forgotten' src/state/row.rs \
    'self.0.load(Acquire)) >= age' \
    'self.0.load(Acquire)) >= age.max(u64::MAX)' \
    'tests::model::any_history_agrees_with_a_naive_breaker'
model_mutant 'a number of failures that waits for the minimum of calls' src/window/limits.rs \
    '(self.count > 0 && failures >= self.count)' \
    '(self.count > 0 && calls >= self.minimum && failures >= self.count)' \
    'tests::model::any_history_agrees_with_a_naive_breaker'
model_mutant 'a success that never opens' src/window/mod.rs \
    'failed: self.failed && (ended.failed || self.every_call),' \
    'failed: self.failed && ended.failed,' \
    'tests::model::a_success_opens_where_every_call_is_evaluated'
model_mutant 'probes that are enough by new numbers and wait for one more' src/state/transitions.rs \
    'let Some(opens) = counts.decide(&trial) else {' \
    'let Some(opens) = counts.decide(&trial).filter(|_| false) else {' \
    'tests::model::any_history_agrees_with_a_naive_breaker'

# The tests of what a response means need a feature, and have files of their own.
mutants_features=http-body
mutants_targets=(--test http --test body)
mutants_sound=
model_mutant 'a client that does not read and makes a probe fail' src/state/transitions.rs \
    'let failed = !lease.is_answered();' \
    'let failed = true || !lease.is_answered();'
model_mutant 'a probe that is settled by a head whose code is still to come' src/call/answered.rs \
    'let answered = awaits_code.then(' \
    'let answered = (awaits_code && false).then('
model_mutant 'a body that makes its call slow' src/call/answered.rs \
    '*admission = admission.later(elapsed(time));' \
    '*admission = admission.later(elapsed(time) * 0);'
model_mutant 'a body that hyper drops after its announced length, cancelled' src/layer/body.rs \
    'None if this.body.is_end_stream() || end.is_completed_by(frame) => {' \
    'None if this.body.is_end_stream() => {'
model_mutant 'an announced length that ends a body before its code' src/layer/end.rs \
    '.filter(|_| !awaits_code)' \
    ''
model_mutant 'a rejection of a body that counts' src/layer/end.rs \
    'of_error: |error| Outcome::of_error(error),' \
    'of_error: |_| Outcome::Failure,'
model_mutant 'an empty frame that ends a probe' src/layer/body.rs \
    '(call.is_probe() && has_bytes(frame))' \
    '(call.is_probe() && (has_bytes(frame) || true))'
model_mutant 'trailers that nobody classifies' src/layer/body.rs \
    'Some(trailers) => Some(end.outcome(Some(trailers))),' \
    'Some(_) => Some(Outcome::Success),'
model_mutant 'a code 0 that may be a failure' src/layer/http.rs \
    'code != 0 && (self.codes)(code)' \
    '(self.codes)(code)'
model_mutant 'a response for a rejection that counts' src/layer/http.rs \
    'Meaning::Cancelled | Meaning::Rejected => Outcome::Ignored,' \
    'Meaning::Cancelled => Outcome::Ignored, Meaning::Rejected => Outcome::Success,'

mutants_done
