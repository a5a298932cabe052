//! What an import needs beside the doors: a try without consequences, and the file that is imported at start.

use std::path::Path;

use anyhow::{Context, anyhow};
use flagstone_model::commands::run;
use flagstone_model::commands::transfer::Import;
use flagstone_model::transfer::{self, ImportInput, Preview, Transfer};
use flagstone_model::{Draft, Error};

use super::{App, View, refusal};
use crate::app::caller::Caller;
use crate::http::error::Failure;
use crate::system::entropy::OsEntropy;

impl App {
    /// Runs a rule on a draft of what the caller may see, of which nothing comes.
    pub fn try_out<T>(&self, view: &View, caller: &Caller, rule: impl FnOnce(&mut Draft<'_>) -> T) -> T {
        rule(&mut self.draft(view, caller, &mut OsEntropy))
    }

    /// What an import would change of what the caller may see: it is done to a draft, of which nothing comes, and refused as
    /// it would be.
    pub fn preview_import(&self, view: &View, caller: &Caller, input: &ImportInput) -> Result<Preview, Failure> {
        let entropy = &mut OsEntropy;
        // What is hidden from the caller may be in the way: the import's rule sees it, and does not tell of it.
        let mut draft = self.draft(view.whole(), caller, entropy);
        run::<Import>(&mut draft, &(), input.clone()).map_err(|error| refusal(caller, error))?;
        let Some((commit, after)) = draft.finish() else { return Ok(Preview { changes: Vec::new() }) };
        if commit.bytes() > self.limits().commit_bytes {
            return Err(Failure::ChangeTooLarge(self.limits().commit_bytes));
        }
        let hidden = after.hidden_from(&caller.principal, self.now());
        let after = if hidden.is_empty() { after } else { after.without(&hidden) };
        Ok(transfer::preview(view, &after, input, &commit)?)
    }

    /// Imports the file that the operator names, if there is one. Where nothing of it is new, nothing is changed: each of
    /// many nodes does this at every start.
    pub(super) async fn import_file(&self) -> anyhow::Result<()> {
        let options = &self.0.options.import;
        let Some(file) = &options.import_file else { return Ok(()) };
        let data = self.read_transfer(file).await.with_context(|| format!("IMPORT_FILE: {}", file.display()))?;
        let project = options.import_project.clone();
        let input = ImportInput { project, environment: options.import_environment.clone(), data };
        let imported = self.commit_input::<Import>(&Caller::system(), (), input).await;
        let imported = imported.map_err(in_words);
        imported.with_context(|| format!("IMPORT_FILE: {} cannot be imported", file.display()))?;
        tracing::info!(file = %file.display(), "imported");
        Ok(())
    }

    async fn read_transfer(&self, file: &Path) -> anyhow::Result<Transfer> {
        let bytes = tokio::fs::read(file).await.context("it cannot be read")?;
        self.0.schemas.parse(&bytes).map_err(in_words)
    }
}

/// All that is wrong, each fault with its place.
fn in_words(failure: Failure) -> anyhow::Error {
    match failure {
        Failure::Refused(Error::BadData(faults)) => {
            let faults: Vec<_> = faults.iter().map(|fault| format!("{} {}", fault.path, fault.message)).collect();
            anyhow!("{}", faults.join(" "))
        }
        other => other.in_words(),
    }
}
