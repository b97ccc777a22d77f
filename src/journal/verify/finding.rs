//! What verification finds: a stable code, where, and what it means in words.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

/// Findings of one code that are kept; further ones are counted.
const KEPT_MAX: u64 = 100;

macro_rules! codes {
    ($($variant:ident = $word:literal, $meaning:literal;)+) => {
        /// The kinds of finding. Their words are a contract with scripts: added, never renamed.
        #[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $variant,)+
        }

        impl Code {
            /// Every code, in the order in which the checks are made.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word for scripts.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// What it means.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }
        }
    };
}

codes! {
    Identity = "identity", "the file is not a database of offboard24, or not one any more";
    Version = "version", "the version of the database is none that this program knows";
    FileHeader = "file-header", "the first 100 bytes of the file are not as this program's files have them";
    FileLength = "file-length", "the file is longer or shorter than its header says";
    SqliteIntegrity = "sqlite-integrity", "SQLite finds the structure of the file damaged";
    ForeignKeys = "foreign-keys", "a row names another row that is not there";
    Schema = "schema", "tables, indexes or triggers are not those that this program makes";
    ForeignWriteAheadLog = "foreign-write-ahead-log", "the write-ahead log beside the file is damaged or belongs to another one";
    Sequence = "sequence", "the numbers of the events have a gap";
    Leaf = "leaf", "the body of an event does not match its hash";
    Chain = "chain", "an event does not name the hash of the event before it";
    BodyNotCanonical = "body-not-canonical", "the body of an event is not canonical JSON";
    BodyUnknown = "body-unknown", "the body of an event is none that this program writes";
    TimeBackwards = "time-backwards", "the time of an event is before that of the event before it, and no event says that the clock was set back";
    CheckpointFormat = "checkpoint-format", "a checkpoint is not a signed note as this program writes it";
    CheckpointSize = "checkpoint-size", "a checkpoint is stored under another size than its note says";
    CheckpointOrigin = "checkpoint-origin", "a checkpoint is of another journal";
    CheckpointRoot = "checkpoint-root", "the events are not those that a checkpoint covers";
    CheckpointSignature = "checkpoint-signature", "the signature of a checkpoint is wrong";
    CheckpointKey = "checkpoint-key", "a checkpoint is not signed with the key that was in force";
    CheckpointMissing = "checkpoint-missing", "a transaction of a signed journal has no checkpoint";
    CheckpointBeyond = "checkpoint-beyond", "a checkpoint covers more events than there are";
    KeyReplaced = "key-replaced", "a signing key took the place of another without its signature";
    KeyUnknown = "key-unknown", "the journal was not signed with the key that was given";
    HeadFormat = "head-format", "the head file is no checkpoint";
    HeadOrigin = "head-origin", "the head file is of another journal";
    HeadSignature = "head-signature", "the head file is not signed with the journal's key";
    HeadRoot = "head-root", "the events are not those that the head file covers";
    HeadBeyond = "head-beyond", "the head file covers more events than there are";
    ReceiptFormat = "receipt-format", "the file is no receipt";
    ReceiptOrigin = "receipt-origin", "the receipt is of another journal";
    ReceiptSignature = "receipt-signature", "the receipt is not signed with the journal's key";
    ReceiptRoot = "receipt-root", "the events are not those that the receipt covers";
    ReceiptBeyond = "receipt-beyond", "the receipt covers more events than there are";
    ReceiptStatement = "receipt-statement", "the receipt says something about its run that the journal does not";
    ValueChanged = "value-changed", "a personal value does not match what its event committed to";
    ValueMissing = "value-missing", "an event commits to a personal value whose row is gone";
    ValueErasedWithoutEvent = "value-erased-without-event", "a personal value was erased, and no event says so";
    ValueMisfiled = "value-misfiled", "a personal value is filed under another event, user or row than its event says";
    ValueForeign = "value-foreign", "a personal value belongs to no event";
    RedactionUnfinished = "redaction-unfinished", "a personal value is there although an event says that it was erased";
    OutOfPlace = "out-of-place", "an event belongs to a job or a run that is not there, is over, or is out of turn";
    PlanChanged = "plan-changed", "something was added to a plan after it was frozen, or a plan was frozen or confirmed twice";
    PlanHash = "plan-hash", "the hash of a plan, or what was confirmed, is not that of the plan on record";
    PlanUnfounded = "plan-unfounded", "an action of a plan is about people whom the roster does not name";
    PlanNotAllowed = "plan-not-allowed", "a job was begun, or its plan made or confirmed, otherwise than its policy or its --max-actions has it";
    ActionNotInPlan = "action-not-in-plan", "something was done that the plan does not hold, or holds back";
    IntentUnconfirmed = "intent-unconfirmed", "something was sent for a plan that nobody had confirmed";
    IntentOutOfTurn = "intent-out-of-turn", "something was sent while an earlier attempt was open, or after the last word";
    IntentUnfounded = "intent-unfounded", "something was sent although others than the plan's people waited, or without a fresh look";
    AnswerWithoutIntent = "answer-without-intent", "an answer belongs to no attempt that was open";
    ReturnUnfounded = "return-unfounded", "an action was planned again without the reason that is given for it";
    OutcomeWithoutIntent = "outcome-without-intent", "an outcome names an attempt that is not on record";
    OutcomeRepeated = "outcome-repeated", "an action has a second outcome, or was tried again without having the one that is named";
    OutcomeUnfounded = "outcome-unfounded", "an outcome claims something that the record does not bear out";
    ResidueUnfounded = "residue-unfounded", "something is said to be left of a workflow that was not killed";
    Totals = "totals", "totals do not add up to what is on record";
    Projection = "projection", "a table that is made from the events differs from them";
    ExportFile = "export-file", "a file of the export is missing, too much, or cannot be read";
    ExportSum = "export-sum", "a file of the export is not as its sum says";
    ExportDiffers = "export-differs", "a file of the export does not say what the database in it says";
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Where something was found.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The file as a whole.
    File,
    /// An event, by its number.
    Event(i64),
    /// A table.
    Table(String),
    /// A personal value, by its commitment.
    Value(String),
    /// A checkpoint, by its size.
    Checkpoint(u64),
    /// A head or a receipt.
    Outside(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => formatter.write_str("the file"),
            Self::Event(seq) => write!(formatter, "event {seq}"),
            Self::Table(table) => write!(formatter, "table {table}"),
            Self::Checkpoint(size) => write!(formatter, "checkpoint {size}"),
            Self::Outside(file) => write!(formatter, "{}", file.display()),
            Self::Value(commitment) => write!(formatter, "value {}", commitment.get(..12).unwrap_or(commitment)),
        }
    }
}

/// One thing that is not as it has to be.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// Its kind.
    pub code: Code,
    /// Where.
    pub at: Place,
    /// What is wrong there.
    pub message: String,
}

/// All that was found. Of each code the first hundred are kept, so that a journal that is wrong throughout does not fill the memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    kept: Vec<Finding>,
    counts: BTreeMap<Code, u64>,
}

impl Findings {
    pub(crate) fn add(&mut self, code: Code, at: Place, message: impl Into<String>) {
        let count = self.counts.entry(code).or_default();
        *count += 1;
        if *count <= KEPT_MAX {
            let message = message.into();
            self.kept.push(Finding { code, at, message });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Takes those of another pass.
    pub(crate) fn extend(&mut self, other: Self) {
        for finding in other.kept {
            self.kept.push(finding);
        }
        for (code, count) in other.counts {
            *self.counts.entry(code).or_default() += count;
        }
    }

    /// The findings in the order of their codes, and how many of each there were.
    pub(crate) fn into_parts(mut self) -> (Vec<Finding>, BTreeMap<Code, u64>) {
        self.kept.sort_by_key(|finding| finding.code);
        (self.kept, self.counts)
    }
}
