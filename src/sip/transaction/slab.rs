//! Slots that are used again, named by an index and a serial number that is never that of an
//! earlier tenant: a name kept too long finds nothing.

use std::mem;

/// Ends the chain of free slots.
const NONE: u32 = u32::MAX;
/// Indices stay below this, so that one bit of a `u32` is left to those who store them.
const MOST: usize = 1 << 31;
/// Slots below which an empty slab keeps its memory.
const KEPT: usize = 256;

/// Names a tenant of a slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) index: u32,
    pub(super) serial: u32,
}

#[derive(Debug)]
enum Slot<T> {
    Free { next: u32 },
    Taken { serial: u32, value: T },
}

#[derive(Debug)]
pub(super) struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: u32,
    taken: usize,
    /// One count for all slots, so that the slots themselves can be given back to the allocator.
    serial: u32,
}

impl<T> Slab<T> {
    pub(super) fn new() -> Slab<T> {
        Slab { slots: Vec::new(), free: NONE, taken: 0, serial: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.taken
    }

    /// Takes a slot; `None` only if two thousand million are taken.
    pub(super) fn insert(&mut self, value: T) -> Option<Name> {
        self.serial = self.serial.wrapping_add(1);
        let taken = Slot::Taken { serial: self.serial, value };
        let index = if self.free == NONE {
            if self.slots.len() >= MOST {
                return None;
            }
            let index = u32::try_from(self.slots.len()).ok()?;
            self.slots.push(taken);
            index
        } else {
            let index = self.free;
            let slot = self.slots.get_mut(index as usize)?;
            if let Slot::Free { next } = mem::replace(slot, taken) {
                self.free = next;
            }
            index
        };
        self.taken += 1;
        Some(Name { index, serial: self.serial })
    }

    pub(super) fn get(&self, name: Name) -> Option<&T> {
        match self.slots.get(name.index as usize) {
            Some(Slot::Taken { serial, value }) if *serial == name.serial => Some(value),
            _ => None,
        }
    }

    pub(super) fn get_mut(&mut self, name: Name) -> Option<&mut T> {
        match self.slots.get_mut(name.index as usize) {
            Some(Slot::Taken { serial, value }) if *serial == name.serial => Some(value),
            _ => None,
        }
    }

    /// The present tenant of a slot, whoever it is.
    pub(super) fn at(&self, index: u32) -> Option<(Name, &T)> {
        match self.slots.get(index as usize) {
            Some(Slot::Taken { serial, value }) => Some((Name { index, serial: *serial }, value)),
            _ => None,
        }
    }

    pub(super) fn remove(&mut self, name: Name) -> Option<T> {
        self.get(name)?;
        let slot = self.slots.get_mut(name.index as usize)?;
        let Slot::Taken { value, .. } = mem::replace(slot, Slot::Free { next: self.free }) else {
            return None;
        };
        self.free = name.index;
        self.taken -= 1;
        if self.taken == 0 && self.slots.len() > KEPT {
            self.slots = Vec::new();
            self.free = NONE;
        }
        Some(value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Name, &T)> {
        (0u32..).zip(&self.slots).filter_map(|(index, slot)| match slot {
            Slot::Taken { serial, value } => Some((Name { index, serial: *serial }, value)),
            Slot::Free { .. } => None,
        })
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.slots.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_finds_its_tenant_and_no_later_one() {
        let mut slab = Slab::new();
        let first = slab.insert("first").unwrap();
        assert_eq!(slab.remove(first), Some("first"));
        let second = slab.insert("second").unwrap();
        assert_eq!(first.index, second.index);
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.remove(first), None);
        assert_eq!(slab.get(second), Some(&"second"));
        assert_eq!(slab.at(second.index), Some((second, &"second")));
    }

    #[test]
    fn an_empty_slab_gives_its_memory_back() {
        let mut slab = Slab::new();
        let names: Vec<Name> = (0..10_000).map(|n| slab.insert(n).unwrap()).collect();
        assert_eq!(slab.len(), 10_000);
        assert_eq!(slab.iter().count(), 10_000);
        for name in &names {
            slab.remove(*name).unwrap();
        }
        assert_eq!((slab.len(), slab.capacity()), (0, 0));
        let again = slab.insert(1).unwrap();
        assert!(names.iter().all(|old| *old != again && slab.get(*old).is_none()));
    }
}
