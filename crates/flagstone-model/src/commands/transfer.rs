//! What can be done with features on their way: they are taken along and brought in.

use super::operations;
use crate::permissions::{Need, Permission as P};
use crate::transfer::{self, Exported, ImportInput};

operations! {
    /// Puts into the audit log that features were exported.
    Export = "exportFeatures" ((): (), input: Exported) -> () {
        needs |_| Need::login();
        does |draft| {
            transfer::record_export(draft, &input);
            Ok(())
        };
    }
    /// Imports features.
    Import = "importToggles" ((): (), input: ImportInput) -> () {
        needs |_| Need::anywhere(&[P::UpdateFeature]);
        does |draft| transfer::import(draft, &input);
    }
}
