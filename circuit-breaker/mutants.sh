#!/usr/bin/env bash
# The crate with one line broken: its tests must notice.
. "$(dirname "$0")/../.ci/mutants.sh" maestro-circuit-breaker

mutant 'the state word changed by load, then store' src/state/advance.rs \
    '.compare_exchange(from.bits(), to.bits(), AcqRel, Acquire)
        {' \
    '.load(Acquire).checked_sub(from.bits()).filter(|d| *d == 0).map(|_| self.word.store(to.bits(), Release)).ok_or(self.word.load(Acquire))
        {' \
    'tests::loom::a_probe_let_in_while_another_decides_leaves_no_lease_behind'
mutant 'a call recorded in its bucket by load, then store' src/window/buckets.rs \
    'match bucket.compare_exchange_weak(seen, next.bits(), AcqRel, Acquire) {' \
    'match Ok::<_, u64>(bucket.store(next.bits(), std::sync::atomic::Ordering::Release)) {' \
    'tests::loom::a_call_that_fails_and_one_that_is_slow_leave_one_opening_with_one_cause'
mutant 'a place given back by load, then store' src/state/places.rs \
    '.compare_exchange(lease.0, FREE, AcqRel, Relaxed)
            .is_ok()' \
    '.load(Acquire) == lease.0 && { self.leases[usize::from(index)].store(FREE, std::sync::atomic::Ordering::Release); true }' \
    'tests::loom::of_a_probes_end_and_the_end_of_its_time_exactly_one_counts'
mutant 'a place taken by load, then store' src/state/places.rs \
    '.compare_exchange(seen, lease.0, AcqRel, Relaxed)
                        .is_ok()' \
    '.load(Acquire) == seen && { place.store(lease.0, std::sync::atomic::Ordering::Release); true }' \
    'tests::loom::a_probe_let_in_while_another_decides_leaves_no_lease_behind'
mutant 'two failures in two buckets that may overlook each other' src/state/measure.rs \
    'fence(SeqCst);' \
    'let _ = (SeqCst, fence);' \
    'tests::loom::of_two_failures_on_either_side_of_an_epoch_at_least_one_sees_both'
mutant 'an end of the wait that is read in one pass without a second look' src/state/circuit.rs \
    '(word.is_open() && self.load() == word).then_some' \
    'word.is_open().then_some' \
    'tests::loom::who_looks_while_it_opens_anew_sees_one_opening_or_the_other'
mutant 'an end of the wait that is read without a second look' src/state/circuit.rs \
    '(self.load().generation() == word.generation()).then_some(Refusal {' \
    'Some(Refusal {' \
    'tests::loom::who_looks_while_it_opens_anew_sees_one_opening_or_the_other'
mutant 'transitions that nothing keeps apart' src/state/advance.rs \
    'let mut steering = self.transitions.lock();
        let word = self.load();
        if word' \
    'let nothing = crate::sync::Mutex::new(crate::steer::Steering::NONE);
        let mut steering = nothing.lock();
        let word = self.load();
        if word' \
    'tests::loom::a_late_failure_never_opens_a_newer_generation'
mutant 'a transition told after the lock is given back' src/observe/outbox.rs \
    'if inner.delivering && !is_mine {' \
    'if false {' \
    'tests::loom::listeners_hear_of_every_transition_once_and_in_order'
mutant 'the last calls counted by load, then store' src/window/recent.rs \
    '.compare_exchange(head.0, next.0, AcqRel, Acquire)
                .is_ok()' \
    '.load(Acquire) == head.0 && { self.head.store(next.0, std::sync::atomic::Ordering::Release); true }' \
    'tests::loom::a_late_result_never_counts_in_the_last_calls_of_a_newer_generation'
mutant 'how a call ended written by load, then store' src/window/recent.rs \
    'group.compare_exchange(seen, next, AcqRel, Acquire).is_ok()' \
    'group.load(Acquire) == seen && { group.store(next, std::sync::atomic::Ordering::Release); true }' \
    'tests::loom::who_was_held_up_for_more_than_a_lap_overwrites_nothing'
mutant 'how a call ended written over that of a later one' src/window/recent.rs \
    'if self.head.load(Acquire) != head.0 {' \
    'if false {' \
    'tests::loom::who_was_held_up_for_more_than_a_lap_overwrites_nothing'
mutant 'two ends of overrides in one place' src/state/advance.rs \
    '(word.generation() % 2) as usize' \
    '(word.generation() * 0) as usize' \
    'tests::loom::who_looks_while_one_override_replaces_another_sees_the_one_or_the_other_whole'
model_mutant 'an override whose end somebody has to look at' src/state/settle.rs \
    'self.advance(now);
        }
        let now_or_read' \
    'let _ = now;
        }
        let now_or_read' \
    'tests::model::a_call_that_ends_after_an_override_is_late_though_nobody_has_looked'
mutant 'probes that are late and keep their places' src/state/settle.rs \
    'if tally.in_flight > 0 || left != word {' \
    'if left != word {' \
    'tests::loom::a_probe_that_ends_while_another_decides_is_late_and_leaves_no_place'
mutant 'a probe let in at the last moment that keeps its place' src/state/settle.rs \
    'if tally.in_flight > 0 || left != word {' \
    'if tally.in_flight > 0 {'
model_mutant 'a wait that forgets how often it was opened' src/state/advance.rs \
    'steering.openings.saturating_add(1)' \
    'steering.openings.saturating_add(0)' \
    'tests::model::any_history_agrees_with_a_breaker_that_keeps_every_call_in_a_list'
model_mutant 'a late probe that frees the place of another' src/state/settle.rs \
    'if !is_late && self.places.free' \
    'if self.places.free' \
    'tests::model::a_late_probe_leaves_the_place_alone_that_is_anothers_by_now'
model_mutant 'a window that outlives its generation' src/window/buckets.rs \
    '.wrapping_add(generation as u64 * EPOCHS_PER_GENERATION)' \
    '.wrapping_add(generation as u64 * 0 * EPOCHS_PER_GENERATION)' \
    'tests::model::any_history_agrees_with_a_breaker_that_keeps_every_call_in_a_list'
model_mutant 'a slow probe that helps to close the circuit' src/state/settle.rs \
    '.map(|failed| failed || slow)' \
    '.map(|failed| failed)' \
    'tests::model::a_probe_that_succeeds_slowly_has_failed'

mutant 'a key whose second caller makes a second breaker' src/family/mod.rs \
    'if let Some(core) = self.find(key) {' \
    'if let Some(core) = self.find(key).filter(|_| false) {' \
    'tests::loom::family::concurrent_first_calls_of_a_key_find_one_breaker'
mutant 'a member taken away that somebody may just have found' src/family/mod.rs \
    'match Arc::try_unwrap(mem::replace(core, Arc::clone(&self.overflow))) {' \
    'match Ok::<_, Arc<Core>>(Core::new(self.name, crate::CircuitBreaker::builder().consecutive_failures(1).settings().unwrap())) {' \
    'tests::loom::family::a_call_in_flight_keeps_its_breaker'
mutant 'an opening between the look at a member and its end' src/family/mod.rs \
    'Ok(gone) if gone.may_go(now) => {' \
    'Ok(gone) if true || gone.may_go(now) => {' \
    'tests::loom::family::a_failure_that_opens_is_not_lost_to_an_eviction'
model_mutant 'a family that forgets who is open' src/family/mod.rs \
    '_ => circuit.until(word).load(Acquire) > now,' \
    '_ => false && circuit.until(word).load(Acquire) > now,' \
    'tests::family::the_histories_of_that_test_fill_a_family'
mutant 'a waiter that goes to sleep without a second look' src/state/waiting.rs \
    'self.admit(|| now).map_err(' \
    'Err::<Admission, ()>(()).map_err('
mutant 'a waiter that leaves with the place that it was woken for' src/state/waiting.rs \
    'self.waiters.wake(|| self.room(), was_first);' \
    'let _ = was_first;'
model_mutant 'a transition that wakes nobody' src/state/advance.rs \
    'self.wake_for_transition();' \
    'if false { self.wake_for_transition(); }' \
    'tests::waiting::nobody_sleeps_who_could_be_let_in'
model_mutant 'a place given back that wakes nobody' src/state/settle.rs \
    'return self.wake_for_room();' \
    'return if false { self.wake_for_room() };' \
    'tests::waiting::nobody_sleeps_who_could_be_let_in'
model_mutant 'a timer for each who waits' src/state/waiting.rs \
    'is_first.then(||' \
    '(is_first || true).then(||' \
    'tests::waiting::nobody_sleeps_who_could_be_let_in'
model_mutant 'a waiter that is woken by its own look' src/state/waiting.rs \
    'self.waiters.stir(ticket);' \
    'if false { self.waiters.stir(ticket); }' \
    'tests::waiting::nobody_sleeps_who_could_be_let_in'

mutant 'numbers read without a second look' src/state/live.rs \
    'if self.plan() == plan {
                return (plan, trial);' \
    'if true {
                return (plan, trial);' \
    'tests::loom::reconfigure::who_reads_numbers_while_they_change_twice_reads_those_of_one_time'
mutant 'a step of the window moved by load, then store' src/window/buckets.rs \
    'bucket.swap(Bucket::empty(new).bits(), AcqRel)' \
    '{ let seen = bucket.load(Acquire); bucket.store(Bucket::empty(new).bits(), std::sync::atomic::Ordering::Release); seen }' \
    'tests::loom::reconfigure::no_failure_is_lost_or_doubled_when_the_window_is_cut_anew_meanwhile'
mutant 'a call counted by numbers that are gone' src/state/measure.rs \
    'self.load().generation() == generation && self.live.plan() == plan' \
    'self.load().generation() == generation && (true || self.live.plan() == plan)' \
    'tests::loom::reconfigure::no_failure_is_lost_or_doubled_when_the_window_is_cut_anew_meanwhile'
mutant 'an opening by the old limit for the new wait' src/state/advance.rs \
    'if self.live.plan() != plan {
            return false;' \
    'if false && self.live.plan() != plan {
            return false;' \
    'tests::loom::reconfigure::a_failure_that_ends_while_the_numbers_change_goes_by_the_old_or_the_new'
mutant 'a decision by a part of a window of time' src/state/measure.rs \
    '(self.live.plan() == plan && !plan.is_being_cut()).then_some(measure)' \
    'Some(measure)'
mutant 'a call that ends between two windows and counts in none' src/state/measure.rs \
    'drop(self.transitions.lock());' \
    'let _ = &self.transitions;'
mutant 'a part of the last calls that is there for all to see' src/state/reconfigure.rs \
    'for ended in kept {
                    self.recent.record(size, series, ended, || true);
                }
                self.live.change(&to);' \
    'self.live.change(&to);
                for ended in kept {
                    self.recent.record(size, series, ended, || true);
                }'
mutant 'a call slow by the old limit that opens by the new minimum' src/state/measure.rs \
    '*ended = ends(settings)?;' \
    'let _ = &ends;'
model_mutant 'an opening on a ramp that waits as the first one' src/state/advance.rs \
    'if word.is_closed() {' \
    'if true || word.is_closed() {'
mutant 'calls on a ramp numbered by load, then store' src/config/ramp.rs \
    'is_among(self.arrivals.fetch_add(1, Relaxed), share)' \
    '{ let number = self.arrivals.load(Relaxed); self.arrivals.store(number + 1, Relaxed); is_among(number, share) }' \
    'tests::loom::reconfigure::a_ramp_lets_in_its_share_and_no_call_more_whoever_comes_at_once'
model_mutant 'a success that never opens' src/state/measure.rs \
    '(is_bad || window.judges_all)
                &&' \
    '(is_bad || (false && window.judges_all))
                &&' \
    'tests::model::any_history_agrees_with_a_breaker_that_keeps_every_call_in_a_list'
model_mutant 'probes that are enough by new numbers and wait for one more' src/state/advance.rs \
    'let Some(opens) = trial.decides(tally) else {' \
    'let Some(opens) = trial.decides(tally).filter(|_| false) else {' \
    'tests::model::any_history_agrees_with_a_breaker_that_keeps_every_call_in_a_list'

mutants_done
