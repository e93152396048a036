/// Things with keys that are never mistaken for one another: the key of one that is gone names nothing,
/// also when its place is taken again. As large as it ever was full.
#[derive(Debug)]
pub(in crate::load) struct Slots<T> {
    entries: Vec<Entry<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Entry<T> {
    generation: u32,
    value: Option<T>,
}

/// Names one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::load) struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    /// Its place: less than the most things there ever were at once.
    pub(in crate::load) fn index(self) -> usize {
        self.index as usize
    }

    /// As one number, at most `u64::MAX / 2`.
    pub(in crate::load) fn to_u64(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    pub(in crate::load) fn from_u64(number: u64) -> Self {
        Self { index: number as u32, generation: (number >> 32) as u32 }
    }
}

impl<T> Slots<T> {
    pub(in crate::load) fn new() -> Self {
        Self { entries: Vec::new(), free: Vec::new() }
    }

    pub(in crate::load) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    pub(in crate::load) fn insert(&mut self, value: T) -> Key {
        let index = self.free.pop().unwrap_or_else(|| {
            self.entries.push(Entry { generation: 0, value: None });
            self.entries.len() as u32 - 1
        });
        let entry = &mut self.entries[index as usize];
        entry.value = Some(value);
        Key { index, generation: entry.generation }
    }

    pub(in crate::load) fn remove(&mut self, key: Key) -> Option<T> {
        let entry = self.entries.get_mut(key.index()).filter(|e| e.generation == key.generation)?;
        let value = entry.value.take()?;
        entry.generation = (entry.generation + 1) & (u32::MAX >> 1);
        self.free.push(key.index);
        Some(value)
    }

    pub(in crate::load) fn get(&self, key: Key) -> Option<&T> {
        let entry = self.entries.get(key.index()).filter(|e| e.generation == key.generation)?;
        entry.value.as_ref()
    }

    pub(in crate::load) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let entry = self.entries.get_mut(key.index()).filter(|e| e.generation == key.generation)?;
        entry.value.as_mut()
    }

    /// The key of what is at a place.
    pub(in crate::load) fn key_at(&self, index: usize) -> Option<Key> {
        let entry = self.entries.get(index).filter(|e| e.value.is_some())?;
        Some(Key { index: index as u32, generation: entry.generation })
    }

    /// The keys of all that there is now.
    pub(in crate::load) fn keys(&self) -> Vec<Key> {
        (0..self.entries.len()).filter_map(|index| self.key_at(index)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_what_is_gone_names_nothing() {
        let mut slots = Slots::new();
        let (a, b) = (slots.insert('a'), slots.insert('b'));
        assert_eq!(slots.remove(a), Some('a'));
        assert_eq!((slots.remove(a), slots.get(a), slots.len()), (None, None, 1));
        let c = slots.insert('c');
        assert_eq!((c.index(), slots.get(a), slots.get(c)), (a.index(), None, Some(&'c')));
        assert_eq!(Key::from_u64(c.to_u64()), c);
        assert_eq!(slots.keys(), [c, b]);
        *slots.get_mut(b).unwrap() = 'd';
        assert_eq!(slots.key_at(1).and_then(|k| slots.get(k)), Some(&'d'));
        assert_eq!(slots.key_at(2), None);
    }
}
