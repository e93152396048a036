use crate::record::{ErrorCount, StepId};

/// Distinct error texts a slice names; what comes on top is counted per step as [`OTHER`].
pub(super) const NAMED: usize = 50;
/// What stands for the texts that are not named.
pub(super) const OTHER: &str = "other errors";

/// Counts `n` errors of one step and text.
pub(super) fn count(errors: &mut Vec<ErrorCount>, step: StepId, text: &str, n: u64) {
    let same = |e: &&mut ErrorCount, text: &str| e.step == step && e.text == text;
    if let Some(known) = errors.iter_mut().find(|e| same(e, text)) {
        known.count += n;
    } else if errors.len() < NAMED || text == OTHER {
        errors.push(ErrorCount { step, text: text.to_owned(), count: n });
    } else {
        count(errors, step, OTHER, n);
    }
}

/// Most frequent first; equal ones in a fixed order.
pub(super) fn sort(errors: &mut [ErrorCount]) {
    errors.sort_by(|a, b| {
        b.count.cmp(&a.count).then_with(|| a.step.cmp(&b.step)).then_with(|| a.text.cmp(&b.text))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_capped_and_nothing_is_lost() {
        let mut errors = Vec::new();
        for i in 0..500 {
            count(&mut errors, StepId(i % 2), &format!("status {i}"), 1);
        }
        count(&mut errors, StepId(0), "status 0", 5);
        sort(&mut errors);
        assert_eq!(errors.len(), NAMED + 2);
        assert_eq!(errors.iter().map(|e| e.count).sum::<u64>(), 505);
        assert_eq!((errors[0].text.as_str(), errors[0].count), (OTHER, 225));
        assert_eq!(errors[2].text, "status 0");
    }
}
