#!/usr/bin/env bash
# The crate with one line broken: its tests must notice.
. "$(dirname "$0")/../.ci/mutants.sh" maestro-slo-budget

mutant 'a good event counted by load, then store' src/counters.rs \
    'self.shards[shard].good.fetch_add(1, Relaxed);' \
    'let n = self.shards[shard].good.load(Relaxed); self.shards[shard].good.store(n + 1, Relaxed);'
mutant 'a bad event counted by load, then store' src/counters.rs \
    'self.shards[shard].bad.fetch_add(1, Release);' \
    'let n = self.shards[shard].bad.load(Relaxed); self.shards[shard].bad.store(n + 1, Release);'
mutant 'a bad event that publishes nothing' src/counters.rs \
    'self.shards[shard].bad.fetch_add(1, Release);' \
    'self.shards[shard].bad.fetch_add(1, Relaxed);'
mutant 'good events read before the bad ones' src/counters.rs \
    'let bad = (self.shards.iter()).fold(0_u64, |sum, s| sum.wrapping_add(s.bad.load(Acquire)));
        let good =
            (self.shards.iter()).fold(0_u64, |sum, s| sum.wrapping_add(s.good.load(Relaxed)));' \
    'let good = (self.shards.iter()).fold(0_u64, |sum, s| sum.wrapping_add(s.good.load(Relaxed)));
        let bad = (self.shards.iter()).fold(0_u64, |sum, s| sum.wrapping_add(s.bad.load(Acquire)));'
mutant 'the sum of a question taken before its lock' src/recorder.rs \
    'let mut inside = self.inside.lock();
        let events = self.advance(&mut inside, tick);' \
    'let events = self.counters.sum();
        let mut inside = self.inside.lock();
        self.advance(&mut inside, tick);'
mutant 'a due probe taken by load, then store' src/door.rs \
    'self.due.load(Relaxed) && self.due.swap(false, AcqRel)' \
    'self.due.load(Relaxed) && { self.due.store(false, Relaxed); true }'
mutant 'probes shared out by load, then store' src/door.rs \
    'let before = self.asked.fetch_add(1, Relaxed);' \
    'let before = self.asked.load(Relaxed); self.asked.store(before + 1, Relaxed);'
mutant 'an event left behind when the outbox is found empty' src/outbox.rs \
    'inner.delivering && !leaving' \
    'inner.delivering'
mutant 'an override undone by a decision' src/door.rs \
    'self.show(&inside);
        let next_slot' \
    'self.reasons.store(now.bits(), Relaxed);
        let next_slot'
model_mutant 'a window that looks back a slot too far' src/rings.rs \
    'let first = (from / tier.width).saturating_add(1);' \
    'let first = from / tier.width;'
model_mutant 'an event counted before its slot begins' src/recorder.rs \
    'self.begin_slot(tick);
                self.counters.bad(shard);' \
    'self.counters.bad(shard);
                self.begin_slot(tick);'
model_mutant 'a page on one error' src/policy.rs \
    'trials.bad >= min_bad && is_unlikely' \
    'is_unlikely'
model_mutant 'an alert that is kept firing for ever' src/alert_state.rs \
    'burns == Some(true)' \
    'burns != None'
model_mutant 'a damaged history that is read' src/history.rs \
    'read().filter(|_| intact)' \
    'read().filter(|_| intact || true)'
model_mutant 'a sleep that is not noticed' src/timekeeper.rs \
    'self.slept = self.slept.saturating_add(gained.unsigned_abs() - set);' \
    ''
model_mutant 'a slice that ends a slice later' src/slices.rs \
    'first: (self.current.saturating_add(1))' \
    'first: (self.current.saturating_add(2))'
model_mutant 'a slice that is ended by every look' src/slices.rs \
    'if slice <= self.current {' \
    'if slice < self.current {'
model_mutant 'a wall clock that is set, taken for sleep' src/timekeeper.rs \
    'let set = self.behind.min(gained.unsigned_abs());' \
    'let set = 0;'
model_mutant 'idle slices that are as the last one was' src/slices.rs \
    'idle: self.rule.one(self.rule.idle),' \
    'idle: verdict,'
model_mutant 'a target that is not reached at its line' src/budgeting.rs \
    'bad * u128::from(target.of()) <= total' \
    'bad * u128::from(target.of()) < total'
model_mutant 'a period that begins with its first slot' src/ledger.rs \
    'Some(period) => slot.min(self.rings.latest().saturating_add(period.left())),' \
    'Some(_) => slot,'
model_mutant 'a likelihood ratio without the rarity of its anchor' src/canary/odds.rs \
    'apart * ratio.ln() - self.ln_probability(mode)' \
    'apart * ratio.ln()'
model_mutant 'a table summed on one side of its mode' src/canary/odds.rs \
    'for up in [true, false] {' \
    'for up in [true] {'
model_mutant 'the bold end of a bracket' src/canary/comparison.rs \
    '*product += table.ln_likelihood_ratio(ratio).low;' \
    '*product += table.ln_likelihood_ratio(ratio).high;'
model_mutant 'a sum of e-values in place of their mean' src/canary/comparison.rs \
    ' - as_f64(products.len() as u64).ln()' \
    ''
model_mutant 'evidence about a rate that is not punished for requests that go well' src/canary/bound.rs \
    '(ln_ratio.exp_m1() * below_one(rate)).ln_1p()' \
    '(ln_ratio.exp_m1() * below_one(rate)).ln_1p() * 0.99'
model_mutant 'α spent on each test' src/canary/policy.rs \
    'if self.judges_latency { 5.0 } else { 3.0 }' \
    'if self.judges_latency { 1.0 } else { 1.0 }'
model_mutant 'a batch of one side' src/canary/counted.rs \
    'errors.baseline == 0 || errors.canary == 0' \
    'errors.canary == 0'
model_mutant 'a step promoted by the step before' src/canary/counted.rs \
    '(self.now.canary.tally(of)).since(self.step_from.canary.tally(of))' \
    'self.now.canary.tally(of)'
model_mutant 'a hard limit on one failure' src/canary/bad.rs \
    'if tally.hits < limits.min_bad {' \
    'if tally.hits < 1 {'
model_mutant 'bad news that are forgotten' src/canary/bad.rs \
    'self.look_at_errors(policy, counted, errors);
        if' \
    'self.0.clear(); self.look_at_errors(policy, counted, errors);
        if'
model_mutant 'promoted with nothing to see' src/canary/run.rs \
    'Overdue::Promote if in_the_way.is_empty()' \
    'Overdue::Promote'

mutants_done
