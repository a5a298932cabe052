//! Changes as values: what is to be done, to what, with what input. HTTP only parses into them.
//!
//! An [`Operation`] is one kind of change: what it takes to do it, and the rule that does it. [`run`] is the one way to
//! it, on a [`Draft`] whose principal must have what the operation needs. A [`Command`] is an operation with its target
//! and input, as JSON under names that never change: what is written down can be read back and done later, on another
//! state, with somebody else's authority. Each noun's file is the table of what can be done to it and what that takes.

pub mod api_tokens;
pub mod context_fields;
pub mod environments;
pub mod favorites;
pub mod feature_types;
pub mod features;
pub mod installation;
pub mod integrations;
pub mod lifecycle;
pub mod links;
pub mod projects;
pub mod segments;
pub mod signup_links;
pub mod strategy_types;
pub mod tags;
pub mod transfer;
pub mod ui_state;
pub mod users;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::draft::Draft;
use crate::error::Error;
use crate::permissions::Need;
use crate::state::State;

/// One kind of change.
pub trait Operation {
    /// Its name: the operation id of the published API where it has one. It never changes.
    const NAME: &'static str;
    /// The form of target and input. A form that older releases cannot read is a new version.
    const VERSION: u32 = 1;
    /// What it is done to, as a path names it.
    type Target: Serialize + DeserializeOwned + Send + Sync;
    /// What is to become of it, as a body says.
    type Input: Serialize + DeserializeOwned + Clone + Send;
    /// What is to be told of it.
    type Output: Send;

    /// What it takes to do this to `target`. Where only the input tells, this is enough to try, and the rule asks again.
    fn need(target: &Self::Target, state: &State) -> Need;

    /// Does it, whoever asks.
    fn apply(draft: &mut Draft, target: &Self::Target, input: Self::Input) -> Result<Self::Output, Error>;
}

/// Does an operation if the draft's principal may do it, on this very state.
pub fn run<O: Operation>(draft: &mut Draft, target: &O::Target, input: O::Input) -> Result<O::Output, Error> {
    draft.require(&O::need(target, draft))?;
    O::apply(draft, target, input)
}

/// A change that is written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The operation's name.
    pub operation: String,
    /// The form of target and input.
    pub version: u32,
    /// What it is done to.
    pub target: Value,
    /// What is to become of it.
    pub input: Value,
}

/// An operation among others: what a name stands for.
struct Known {
    name: &'static str,
    version: u32,
    need: fn(&Command, &State) -> Result<Need, Error>,
    run: fn(&Command, &mut Draft) -> Result<(), Error>,
}

impl Known {
    const fn of<O: Operation>() -> Self {
        Self {
            name: O::NAME,
            version: O::VERSION,
            need: |command, state| Ok(O::need(&command.target::<O>()?, state)),
            run: |command, draft| {
                let input = read(command, "input", &command.input)?;
                run::<O>(draft, &command.target::<O>()?, input).map(drop)
            },
        }
    }
}

/// Every operation there is, noun by noun.
const KNOWN: &[&[Known]] = &[
    api_tokens::KNOWN,
    context_fields::KNOWN,
    environments::KNOWN,
    favorites::KNOWN,
    feature_types::KNOWN,
    features::KNOWN,
    installation::KNOWN,
    integrations::KNOWN,
    lifecycle::KNOWN,
    links::KNOWN,
    projects::KNOWN,
    segments::KNOWN,
    signup_links::KNOWN,
    strategy_types::KNOWN,
    tags::KNOWN,
    transfer::KNOWN,
    ui_state::KNOWN,
    users::KNOWN,
];

/// The names of all operations, noun by noun.
pub fn names() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().copied().flatten().map(|known| known.name)
}

impl Command {
    /// An operation written down.
    pub fn of<O: Operation>(target: &O::Target, input: &O::Input) -> Self {
        // Targets and inputs are made of strings, numbers, lists and string-keyed maps: they always have a JSON form.
        let (target, input) = (serde_json::to_value(target), serde_json::to_value(input));
        Self {
            operation: O::NAME.to_owned(),
            version: O::VERSION,
            target: target.unwrap_or(Value::Null),
            input: input.unwrap_or(Value::Null),
        }
    }

    /// What it takes to do this.
    pub fn need(&self, state: &State) -> Result<Need, Error> {
        (self.known()?.need)(self, state)
    }

    /// Does it, if the draft's principal may.
    pub fn run(&self, draft: &mut Draft) -> Result<(), Error> {
        (self.known()?.run)(self, draft)
    }

    fn known(&self) -> Result<&'static Known, Error> {
        let known = KNOWN.iter().copied().flatten().find(|known| known.name == self.operation);
        known.filter(|known| known.version == self.version).ok_or_else(|| {
            Error::InvalidOperation(format!(
                "This release does not know the change \"{}\" in version {}: was it written by a newer one?",
                self.operation, self.version
            ))
        })
    }

    fn target<O: Operation>(&self) -> Result<O::Target, Error> {
        read(self, "target", &self.target)
    }
}

fn read<T: DeserializeOwned>(command: &Command, part: &str, value: &Value) -> Result<T, Error> {
    T::deserialize(value).map_err(|error| {
        Error::bad_data(
            format!("/{part}"),
            format!("The {part} of the change \"{}\" cannot be read: {error}.", command.operation),
        )
    })
}

/// The operations of a noun: each a type with its [`Operation`], and all of them in `KNOWN`. One list gives both: an
/// operation that could not be read back cannot exist.
macro_rules! operations {
    ($(
        $(#[$doc:meta])+
        $operation:ident = $name:literal ($target:tt: $target_type:ty, $input:tt: $input_type:ty) -> $output:ty {
            needs |$state:tt| $need:expr;
            does |$draft:ident| $apply:expr;
        }
    )+) => {
        $(
            $(#[$doc])+
            pub struct $operation;

            impl $crate::commands::Operation for $operation {
                const NAME: &'static str = $name;
                type Target = $target_type;
                type Input = $input_type;
                type Output = $output;

                // A need often says nothing of the target, a rule nothing of the input.
                #[allow(unused_variables)]
                fn need($target: &$target_type, $state: &$crate::State) -> $crate::Need {
                    $need
                }

                #[allow(unused_variables)]
                fn apply(
                    $draft: &mut $crate::Draft,
                    $target: &$target_type,
                    $input: $input_type,
                ) -> Result<$output, $crate::Error> {
                    $apply
                }
            }
        )+

        pub(super) const KNOWN: &[$crate::commands::Known] = &[$($crate::commands::Known::of::<$operation>()),+];
    };
}
use operations;
