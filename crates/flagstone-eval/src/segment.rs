//! Segments by position, so that a strategy can refer to one that comes, changes or goes.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::condition::{ConditionId, Conditions};
use crate::document::{Segment, Warning};
use crate::field::Fields;

/// A segment, as its position in [`Segments`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentSlot(u32);

impl SegmentSlot {
    pub(crate) fn position(self) -> usize {
        self.0 as usize
    }
}

/// All segments that exist or that a strategy refers to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Segments {
    slots: Vec<Slot>,
    by_id: HashMap<i64, SegmentSlot>,
}

#[derive(Debug, Clone)]
struct Slot {
    id: i64,
    /// The conditions that all must hold; `None` where the segment does not exist.
    conditions: Option<Arc<[ConditionId]>>,
}

impl Segments {
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The position of the segment with this id, whether it exists or not.
    pub(crate) fn slot(&mut self, id: i64) -> SegmentSlot {
        *self.by_id.entry(id).or_insert_with(|| {
            let slot = SegmentSlot(u32::try_from(self.slots.len()).unwrap_or(u32::MAX));
            let conditions = None;
            self.slots.push(Slot { id, conditions });
            slot
        })
    }

    pub(crate) fn id(&self, slot: SegmentSlot) -> i64 {
        self.slots.get(slot.position()).map_or(0, |slot| slot.id)
    }

    /// The conditions of a segment; `None` if it does not exist.
    pub(crate) fn conditions(&self, slot: SegmentSlot) -> Option<&[ConditionId]> {
        self.slots.get(slot.position())?.conditions.as_deref()
    }

    /// Creates or replaces a segment.
    pub(crate) fn put(
        &mut self,
        segment: &Segment,
        conditions: &mut Conditions,
        fields: &mut Arc<Fields>,
        warnings: &mut Vec<Warning>,
    ) {
        let compiled: Arc<[ConditionId]> =
            segment.constraints.iter().map(|constraint| conditions.acquire(constraint, fields)).collect();
        for reason in compiled.iter().filter_map(|id| conditions.get(*id)?.broken()) {
            warnings.push(Warning {
                subject: format!("segment {}", segment.id),
                message: format!("holds for nobody: {reason}"),
            });
        }
        self.remove(segment.id, conditions);
        let slot = self.slot(segment.id);
        if let Some(slot) = self.slots.get_mut(slot.position()) {
            slot.conditions = Some(compiled);
        }
    }

    /// Removes a segment; strategies that refer to it are off from then on.
    pub(crate) fn remove(&mut self, id: i64, conditions: &mut Conditions) {
        let slot = self.by_id.get(&id).and_then(|slot| self.slots.get_mut(slot.position()));
        for condition in slot.and_then(|slot| slot.conditions.take()).iter().flat_map(|ids| ids.iter()) {
            conditions.release(*condition);
        }
    }
}
