//! The ids of reports that were counted: what comes again because its answer was lost is not counted again.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// How long an id is remembered.
const REMEMBERED_FOR: Duration = Duration::from_hours(1);
/// The most ids that are remembered; the oldest make room.
const IDS_MAX: usize = 100_000;
/// The longest id, in bytes: a UUID has 36.
const ID_BYTES_MAX: usize = 64;

/// Whether a report is to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// It is.
    New,
    /// It is being counted just now.
    UnderWay,
    /// It was counted.
    Counted,
}

/// What was counted within the last hour.
#[derive(Debug, Default)]
pub struct Batches {
    /// Since when each is known: one that was refused and came again stands twice in `order`.
    known: HashMap<String, (Batch, Instant)>,
    order: VecDeque<(Instant, String)>,
}

impl Batches {
    /// What is to be done with the report of this id. A new one is under way from now on.
    pub fn begin(&mut self, id: &str, now: Instant) -> Batch {
        while self.order.front().is_some_and(|(at, _)| now - *at >= REMEMBERED_FOR) {
            self.forget_oldest();
        }
        if id.len() > ID_BYTES_MAX {
            return Batch::New;
        }
        if let Some(known) = self.known.get(id) {
            return known.0;
        }
        if self.order.len() >= IDS_MAX {
            self.forget_oldest();
        }
        self.known.insert(id.to_owned(), (Batch::UnderWay, now));
        self.order.push_back((now, id.to_owned()));
        Batch::New
    }

    fn forget_oldest(&mut self) {
        if let Some((at, id)) = self.order.pop_front()
            && self.known.get(&id).is_some_and(|(_, since)| *since == at)
        {
            self.known.remove(&id);
        }
    }

    /// It is counted.
    pub fn counted(&mut self, id: &str) {
        if let Some(known) = self.known.get_mut(id) {
            known.0 = Batch::Counted;
        }
    }

    /// Nothing of it was counted: it may come again.
    pub fn refused(&mut self, id: &str) {
        // Where it stands in the order it is no more than an old name: all reports wait while this is looked for.
        self.known.remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f22_what_was_counted_within_the_hour_is_not_counted_again() {
        let (mut batches, now) = (Batches::default(), Instant::now());
        assert_eq!([batches.begin("a", now), batches.begin("a", now)], [Batch::New, Batch::UnderWay]);
        batches.counted("a");
        batches.begin("b", now);
        batches.refused("b");
        assert_eq!([batches.begin("a", now), batches.begin("b", now)], [Batch::Counted, Batch::New]);
        let later = now + REMEMBERED_FOR;
        assert_eq!([batches.begin("a", later), batches.begin("b", later)], [Batch::New, Batch::New]);
        assert_eq!(batches.order.len(), 2, "what is old is forgotten");
    }

    #[test]
    fn f22_no_more_ids_are_remembered_than_there_is_room_for() {
        let (mut batches, now) = (Batches::default(), Instant::now());
        for n in 0..=IDS_MAX {
            assert_eq!(batches.begin(&n.to_string(), now), Batch::New);
        }
        assert_eq!((batches.known.len(), batches.order.len()), (IDS_MAX, IDS_MAX));
        assert_eq!([batches.begin("1", now), batches.begin("0", now)], [Batch::UnderWay, Batch::New]);
        let long = "x".repeat(ID_BYTES_MAX + 1);
        assert_eq!([batches.begin(&long, now), batches.begin(&long, now)], [Batch::New, Batch::New]);
        assert_eq!(batches.known.len(), IDS_MAX);
    }
}
