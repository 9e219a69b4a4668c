#!/usr/bin/env bash
# The crate with one line broken: its tests must notice.
. "$(dirname "$0")/../.ci/mutants.sh" maestro-bulkhead
mutants_features=http-body,family

mutant 'a permit taken by load, then store' src/state/permits.rs \
    '.compare_exchange_weak(word, word - step(places), Acquire, Relaxed)
            {
                Ok(_) => return Ok(()),' \
    '.load(Acquire).checked_sub(step(places)).map(|next| self.word.store(next, Relaxed)).ok_or(word)
            {
                Ok(_) => return Ok(()),' a_late_body_changes_nothing_of_a_new_lease
mutant 'a permit given back by load, then store' src/state/permits.rs \
    'self.word.fetch_add(step, Release).wrapping_add(step) < 0' \
    '{ let was = self.word.load(Relaxed); self.word.store(was + step, Release); was + step < 0 }' \
    a_release_under_a_raised_limit_wakes_a_starting_waiter
mutant 'a release that publishes nothing' src/state/permits.rs \
    'self.word.fetch_add(step, Release).wrapping_add(step) < 0' \
    'self.word.fetch_add(step, Relaxed).wrapping_add(step) < 0' a_new_holder_sees_what_the_former_one_did
mutant 'a waiter that announces itself after it looked' src/state/permits.rs \
    '(word + WAITING, Admit::MustWait)' \
    '{ self.word.fetch_add(WAITING, Relaxed); return Admit::MustWait; }' a_dropped_waiter_passes_its_grant_on
mutant 'a line that is noted before the place is tried' src/state/line.rs \
    '        match self.permits.take_or_announce(places, line.newest_first) {
            Admit::Inside => {' \
    '        let aside = self.aside.load(Relaxed); self.aside.store(aside + 1, Relaxed);
        match self.permits.take_or_announce(places, line.newest_first) {
            Admit::Inside => { self.note_length(&waiters);' a_full_line_refuses_only_beside_a_waiter
mutant 'a line that admits newcomers before it is noted as empty' src/state/line.rs \
    '        self.note_length(waiters);
        // A close has removed the mark already. Only a holder of the lock adds or removes it.
        if waiters.len() == 0 && self.permits.snapshot().is_waiting() {
            self.permits.withdraw();
        }' \
    '        if waiters.len() == 0 && self.permits.snapshot().is_waiting() {
            self.permits.withdraw();
        }
        self.note_length(waiters);' a_line_that_a_waiter_left_refuses_nobody
mutant 'a mark that is removed before its line is seen as empty' src/state/permits.rs \
    'self.word.fetch_sub(WAITING, Release);' \
    'self.word.fetch_sub(WAITING, Relaxed);' a_line_that_a_waiter_left_refuses_nobody
mutant 'a limit that is changed by load, then store' src/state/permits.rs \
    'Relaxed: a resize hands nothing over.
            match self
                .word
                .compare_exchange_weak(word, next, Relaxed, Relaxed)' \
    '
            match self
                .word
                .load(Relaxed).checked_add(0).map(|_| self.word.store(next, Relaxed)).ok_or(word)' \
    no_caller_enters_above_a_lowered_limit
mutant 'a bulkhead closed by load, then store' src/state/permits.rs \
    'close hands nothing over.
            match self
                .word
                .compare_exchange_weak(word, next, Relaxed, Relaxed)' \
    '
            match self
                .word
                .load(Relaxed).checked_add(0).map(|_| self.word.store(next, Relaxed)).ok_or(word)' \
    the_last_call_ends_a_starting_drain
mutant 'a drain that does not see what the calls did' src/state/permits.rs \
    'Snapshot(self.word.load(Acquire))' \
    'Snapshot(self.word.load(Relaxed))' the_last_call_ends_a_starting_drain
mutant 'a drain that looks before it takes its seat' src/state/close.rs \
    'let mut waiters = self.waiters.lock();
        // Under the lock. A call that ends' \
    'let was = self.permits.is_drained(); let mut waiters = self.waiters.lock();
        if !was && seat.is_none() { *seat = Some(waiters.join(0, false, None, Some(waker.clone()))); return Poll::Pending; }
        // Under the lock. A call that ends' 'the_last_call_ends_a_starting_drain'
mutant 'a waiter that leaves a closed bulkhead and takes its mark off again' src/state/line.rs \
    'if waiters.len() == 0 && self.permits.snapshot().is_waiting() {' \
    'if waiters.len() == 0 {' a_close_and_a_leaving_waiter_keep_the_count
mutant 'a heavy waiter that leaves and stops the line' src/state/line.rs \
    '                // The next one may want fewer places than are free.
                serve(self);' \
    '' a_heavy_waiter_that_leaves_serves_the_next_one
mutant 'a reclaimed place that its body gives back again' src/state/leases.rs \
    '                if seen.places == 0 || seen.end >= now {
                    break;
                }
                // A later end, so that the bodies of this one find that their places are gone.
                let next = Seen {
                    end: now,' \
    '                if seen.places == 0 || seen.end >= now {
                    break;
                }
                let next = Seen {
                    end: seen.end,' a_place_is_given_back_by_its_body_or_by_a_caller
mutant 'places reclaimed by load, then store' src/state/leases.rs \
    'match slot.compare_exchange_weak(word, next.word(), Relaxed, Relaxed) {' \
    'match slot.load(Relaxed).checked_add(0).map(|_| slot.store(next.word(), Relaxed)).ok_or(word) {' \
    a_place_is_given_back_by_its_body_or_by_a_caller
mutant 'a lease ended by load, then store' src/state/leases.rs \
    'match slot.compare_exchange_weak(word, next, Relaxed, Relaxed) {' \
    'match slot.load(Relaxed).checked_add(0).map(|_| slot.store(next, Relaxed)).ok_or(word) {' \
    a_late_body_changes_nothing_of_a_new_lease
model_mutant 'a new lease that loses those that are over' src/state/leases.rs \
    '(Seen { end, places }, seen.places)' \
    '(Seen { end, places }, 0)' any_history_of_leases_agrees_with_a_list
mutant 'a late place that is taken back and kept too' src/state/waiters.rs \
    'late.places += places;' \
    'late.places += places; continue;' 'a_late_granted_place_is_given_back_once'
model_mutant 'a look that refuses all late waiters at once' src/state/waiters.rs \
    'for _ in 0..AT_ONCE {' \
    'loop {' a_look_refuses_64_late_waiters_and_the_next_the_others
model_mutant 'late waiters that the next look does not find' src/state/waiters.rs \
    'firsts.flatten().map(|(bound, _)| bound.end).min();' \
    'firsts.flatten().map(|(bound, _)| bound.end).filter(|end| *end >= now).min();' \
    a_look_refuses_64_late_waiters_and_the_next_the_others
model_mutant 'bounds that are never forgotten' src/state/waiters.rs \
    '        self.bounds.remove(ticket.0);
        self.granted.remove(ticket.0);
        // Vacant seats' \
    '        // Vacant seats' callers_that_left_leave_no_bound_behind
model_mutant 'a bound that is removed and leaves the others without order' src/state/waiters/heap.rs \
    '            self.rise(at);
            self.sink(at);' \
    '            self.sink(at);' any_history_of_bounds_agrees_with_a_list
model_mutant 'a light waiter that overtakes a heavy one' src/state/permits.rs \
    '|| at_head && seen.is_waiting()' \
    '|| seen.is_waiting()' any_history_of_a_queue_agrees_with_a_deque
mutant 'a dropped waiter that keeps its granted place' src/state/line.rs \
    '                self.release(places);' \
    '                // it goes with it' a_dropped_waiter_passes_its_grant_on
mutant 'a bulkhead retired by load, then store' src/state/permits.rs \
    '.compare_exchange(word, i64::MIN | limit, Acquire, Relaxed)' \
    '.load(Acquire).checked_mul(1).map(|_| self.word.store(i64::MIN | limit, Relaxed)).ok_or(())' \
    a_bulkhead_is_retired_or_entered
mutant 'a window closed by load, then store' src/limit/samples.rs \
    '.compare_exchange(ends, next, Relaxed, Relaxed)' \
    '.load(Relaxed).checked_add(0).map(|_| self.ends.store(next, Relaxed)).ok_or(())' \
    each_call_is_in_one_window_and_one_call_closes_it
mutant 'sums taken by load, then store' src/limit/samples.rs \
    'let packed = self.latencies.swap(0, Relaxed);' \
    'let packed = self.latencies.load(Relaxed); self.latencies.store(0, Relaxed);' \
    each_call_is_in_one_window_and_one_call_closes_it
mutant 'a law that overwrites a limit set by an operator' src/state/limit.rs \
    'let is_so = self.snapshot().limit() == was && !self.is_forced();' \
    'let is_so = was > 0;' a_limit_set_by_hand_survives_a_law
mutant 'numbers of two configurations at once' src/state/mod.rs \
    'self.set_limit(&mut waiters, numbers.limit);' \
    'drop(waiters); let mut waiters = self.waiters.lock(); self.set_limit(&mut waiters, numbers.limit);' \
    'two_reconfigurations_leave_the_numbers_of_one'
model_mutant 'one place too many' src/state/permits.rs \
    'if word < step(places) {' \
    'if word < step(places) - ONE {' any_history_agrees_with_a_list
model_mutant 'a line that is served from its end' src/state/waiters.rs \
    'let first = self.first?;
        let (places' \
    'let first = self.last?;
        let (places' any_history_of_a_queue_agrees_with_a_deque
model_mutant 'an overload that is not counted' src/state/mod.rs \
    'if outcome == Outcome::Overload {' \
    'if outcome == Outcome::Overload && self.overloads() > 0 {' a_fixed_limit_counts_overloads_in_trailers
model_mutant 'a limit that changes although it is not used' src/limit/gradient/mod.rs \
    '.filter(|_| window.was_used())' \
    '.filter(|_| true)' a_quiet_time_leaves_the_limit_for_the_burst
model_mutant 'an outage that raises a limit' src/limit/gradient/mod.rs \
    '.map_or(f64::INFINITY, |slow| slow.cap())' \
    '.map_or(f64::INFINITY, |slow| 2.0 * slow.cap())' a_new_normal_gets_more_places_after_the_memory
model_mutant 'a comparison that is not tried again' src/limit/gradient/slow_down.rs \
    'if given_up.left == Some(0) {' \
    'if given_up.left == Some(u32::MAX) {' a_lost_capacity_is_followed_down_and_up
model_mutant 'a base that is never forgotten' src/limit/gradient/memory.rs \
    'self.least.forget(seen.now, age);' \
    'self.least.forget(seen.now, u64::MAX);' a_new_normal_gets_more_places_after_the_memory
model_mutant 'a pause in which the base is forgotten' src/limit/gradient/mod.rs \
    'let overloads = window.overload_share();' \
    'learnt.now = learnt.now.saturating_add(micros(window.length())); let overloads = window.overload_share();' \
    a_pause_does_not_make_a_queue_the_base
model_mutant 'a law that is asked for an earlier window' src/limit/adaptive.rs \
    'if now <= followed.window_ended {' \
    'if now == 0 {' a_call_of_an_earlier_window_is_in_the_next_one
model_mutant 'a window without end' src/limit/samples.rs \
    'self.ends.fetch_min(now.saturating_add(window), Relaxed);' \
    'let _ = now;' a_window_without_end_is_made_shorter
model_mutant 'a window that waits for ten calls for ever' src/limit/samples.rs \
    'if is_late { 1 } else { ENOUGH }' \
    'if is_late { ENOUGH } else { ENOUGH }' a_late_window_needs_one_call
model_mutant 'a code that says no overload' src/types/outcome.rs \
    'Meaning::Throttled | Meaning::Unavailable | Meaning::Late => Self::Overload,' \
    'Meaning::Throttled | Meaning::Unavailable => Self::Overload, Meaning::Late => Self::Ignored,' \
    a_grpc_call_is_reported_with_its_code
model_mutant 'a gRPC response that is a success at its head' src/layer/report.rs \
    'let is_late = awaits_code || response.body().is_end_stream();' \
    'let is_late = response.body().is_end_stream();' a_grpc_call_is_reported_with_its_code
model_mutant 'an overload after the first message that is not heard' src/layer/report.rs \
    'None if outcome == Outcome::Overload => permit.report(outcome),' \
    'None if outcome == Outcome::Success => permit.report(outcome),' a_fixed_limit_counts_overloads_in_trailers
model_mutant 'the latency of the body' src/layer/report.rs \
    'permit.report_until(head, Outcome::Success);' \
    'let _ = head; permit.report(Outcome::Success);' a_grpc_call_is_reported_with_its_code
model_mutant 'a stream that withholds its success' src/layer/report.rs \
    'if let Some(head) = self.unreported.take() {' \
    'if let Some(head) = self.unreported.take_if(|_| false) {' a_grpc_call_is_reported_with_its_code
model_mutant 'a message reported before its lost place counts again' src/layer/body.rs \
    'self.end_lease();
        } else {
            self.renew();
        }
        if let' \
    '}
        if let' a_report_counts_its_call_although_its_place_was_lost
model_mutant 'an end reported before its lost place counts again' src/layer/body.rs \
    'self.end_lease();
        if let Some(report) = self.report.take() {' \
    'if let Some(report) = self.report.take() {' a_report_counts_its_call_although_its_place_was_lost
model_mutant 'an empty frame that is a message' src/layer/body.rs \
    'frame.data_ref().is_some_and(Buf::has_remaining)' \
    'frame.data_ref().is_some()' an_empty_frame_is_no_message
model_mutant 'a body that fails and is read as ended' src/layer/body.rs \
    'Poll::Ready(Some(Err(_))) => *this.held = None,' \
    'Poll::Ready(Some(Err(_))) => if let Some(held) = this.held.take() { held.end(None); },' \
    a_failed_or_dropped_body_is_not_asked_for_its_end
mutant 'a raised limit that is exceeded' src/state/permits.rs \
    'the look and the permit are one step.
            match self
                .word
                .compare_exchange_weak(word, word - step(places), Acquire, Relaxed)' \
    'the look and the permit are one step.
            match self
                .word
                .load(Acquire).checked_sub(step(places)).map(|next| self.word.store(next, Relaxed)).ok_or(word)' \
    'two_callers_never_exceed_a_raised_limit'
mutant 'a waiter that does not look again for a place of a raised limit' src/state/line.rs \
    'if self.is_forced() {
                    // A place' \
    'if false {
                    // A place' 'a_release_under_a_raised_limit_wakes_a_starting_waiter'
model_mutant 'a member that its key does not reach in a pause' src/family/members.rs \
    'if self.pause.is_on(Instant::now) && !self.map.pin().contains_key(key) {' \
    'if self.pause.is_on(Instant::now) {' \
    family::tests::a_key_at_the_lock_sees_a_pause_that_has_just_begun
model_mutant 'a queue of keys that each search' src/family/members/evict.rs \
    'if self.pause.is_on(Instant::now) {
            return None;' \
    'if false {
            return None;' \
    family::tests::a_key_at_the_lock_sees_a_pause_that_has_just_begun

mutants_done
