use super::errors;
use crate::record::LoadSlice;

/// Adds a slice that follows in time: one longer slice, nothing lost.
pub(super) fn append(into: &mut LoadSlice, next: LoadSlice) {
    into.in_flight = next.in_flight;
    into.waiting = next.waiting;
    into.connections = next.connections;
    add(into, next);
}

/// Adds what another worker did in the same time.
pub(super) fn beside(into: &mut LoadSlice, other: LoadSlice) {
    into.in_flight += other.in_flight;
    into.waiting += other.waiting;
    into.connections += other.connections;
    add(into, other);
}

fn add(into: &mut LoadSlice, other: LoadSlice) {
    into.from = into.from.min(other.from);
    into.to = into.to.max(other.to);
    into.counts.add(&other.counts);
    into.bytes_in += other.bytes_in;
    into.bytes_out += other.bytes_out;
    into.lateness.merge(&other.lateness);
    for step in other.steps {
        match into.steps.binary_search_by_key(&step.step, |s| s.step) {
            Ok(at) => into.steps[at].merge(&step),
            Err(at) => into.steps.insert(at, step),
        }
    }
    for error in other.errors {
        errors::count(&mut into.errors, error.step, &error.text, error.count);
    }
    errors::sort(&mut into.errors);
}
