use crate::clock::Offset;

/// Until when each of some numbered things may last.
///
/// Looking for those that are over costs a pass over all, and is done no earlier than the earliest could
/// be over: about once per timeout while nothing times out.
#[derive(Debug)]
pub(super) struct Deadlines {
    at: Vec<Offset>,
    /// None is over before this.
    earliest: Offset,
}

const NEVER: Offset = Offset::from_micros(u64::MAX);

impl Deadlines {
    pub(super) fn new() -> Self {
        Self { at: Vec::new(), earliest: NEVER }
    }

    pub(super) fn set(&mut self, index: usize, at: Offset) {
        if index >= self.at.len() {
            self.at.resize(index + 1, NEVER);
        }
        self.at[index] = at;
        self.earliest = self.earliest.min(at);
    }

    pub(super) fn clear(&mut self, index: usize) {
        if let Some(at) = self.at.get_mut(index) {
            *at = NEVER;
        }
    }

    /// When to look again.
    pub(super) fn earliest(&self) -> Offset {
        self.earliest
    }

    /// Those that are over at `now`; they are cleared.
    pub(super) fn over(&mut self, now: Offset) -> Vec<usize> {
        if now < self.earliest {
            return Vec::new();
        }
        let mut over = Vec::new();
        self.earliest = NEVER;
        for (index, at) in self.at.iter_mut().enumerate() {
            if *at <= now {
                *at = NEVER;
                over.push(index);
            } else {
                self.earliest = self.earliest.min(*at);
            }
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_over_once_and_not_before_its_time() {
        let at = Offset::from_micros;
        let mut deadlines = Deadlines::new();
        assert_eq!(deadlines.earliest(), NEVER);
        deadlines.set(3, at(30));
        deadlines.set(0, at(10));
        deadlines.set(1, at(20));
        deadlines.clear(1);
        assert_eq!((deadlines.earliest(), deadlines.over(at(9))), (at(10), vec![]));
        assert_eq!((deadlines.over(at(10)), deadlines.earliest()), (vec![0], at(30)));
        deadlines.set(0, at(31));
        assert_eq!(deadlines.over(at(40)), [0, 3]);
        assert_eq!((deadlines.over(at(90)), deadlines.earliest()), (vec![], NEVER));
        deadlines.clear(77);
    }
}
