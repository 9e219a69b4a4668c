#!/usr/bin/env bash
# The crate with one line broken: its tests must notice.
. "$(dirname "$0")/../.ci/mutants.sh" maestro-bulkhead

mutant 'a permit taken by load, then store' src/permits.rs \
    '.compare_exchange_weak(held, held + 1, Acquire, Relaxed)' \
    '.load(Acquire).checked_add(1).map(|held| self.held.store(held, Relaxed)).ok_or(held)'
mutant 'a permit given back by load, then store' src/permits.rs \
    'let before = self.held.fetch_sub(1, Release);' \
    'let before = self.held.load(Relaxed); self.held.store(before - 1, Release);'
mutant 'a release that publishes nothing' src/permits.rs \
    'let before = self.held.fetch_sub(1, Release);' \
    'let before = self.held.fetch_sub(1, Relaxed);'
model_mutant 'one place too many' src/permits.rs \
    'if held >= limit {' \
    'if held > limit {'
model_mutant 'an overload that nobody counts' src/permit.rs \
    'Outcome::Overload => self.0.borrow().overloaded(),' \
    'Outcome::Overload => {}'

mutants_done
