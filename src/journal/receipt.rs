//! The receipt of a run: what it did, and the checkpoint that covers it. Small enough for a ticket, and worth something only elsewhere.
//!
//! ```text
//! offboard24 receipt
//! portal: acme.bitrix24.com
//! job: 3
//! run: 7 (apply)
//! state: complete
//! plan: 7f3a91c2…
//! events: 120-345
//! actions: 214 total, 3 held, 211 confirmed
//! at: 2026-11-22T10:00:00.000Z
//!
//! acme.bitrix24.com/6f9d…
//! 346
//! kzwHV7NJ…=
//!
//! — acme.bitrix24.com/6f9d… Jmtp…
//! ```
//!
//! The lines above the checkpoint are for people; they are checked against the events that the checkpoint covers.

use std::fmt;

use super::note::{Checkpoint, Note};
use crate::domain::{JobId, Portal, RunId};

/// The first line.
const TITLE: &str = "offboard24 receipt";

/// Bytes of a receipt that are read.
pub const BYTES_MAX: usize = 64 << 10;

/// A receipt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Receipt {
    /// The portal of the job.
    pub portal: Portal,
    /// The job.
    pub job: JobId,
    /// The run.
    pub run: RunId,
    /// Its command.
    pub command: String,
    /// The state of the job when the run ended.
    pub state: String,
    /// The plan's hash; none when the run ended before there was a plan.
    pub plan_hash: Option<String>,
    /// The first event of the run and the last.
    pub events: (u64, u64),
    /// Number of actions by state, in the order of the `run_finished` event.
    pub actions: Vec<(String, u32)>,
    /// When the run finished.
    pub at: String,
    /// The checkpoint, signed.
    pub note: Note,
}

/// A text that is no receipt.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("it is no receipt of offboard24: {0}")]
pub struct InvalidReceipt(&'static str);

impl fmt::Display for Receipt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: u32 = self.actions.iter().map(|(_, count)| count).sum();
        let actions = std::iter::once(format!("{total} total"))
            .chain(self.actions.iter().map(|(state, count)| format!("{count} {state}")));
        writeln!(formatter, "{TITLE}")?;
        writeln!(formatter, "portal: {}", self.portal)?;
        writeln!(formatter, "job: {}", self.job)?;
        writeln!(formatter, "run: {} ({})", self.run, self.command)?;
        writeln!(formatter, "state: {}", self.state)?;
        writeln!(formatter, "plan: {}", self.plan_hash.as_deref().unwrap_or("none"))?;
        writeln!(formatter, "events: {}-{}", self.events.0, self.events.1)?;
        writeln!(formatter, "actions: {}", actions.collect::<Vec<_>>().join(", "))?;
        writeln!(formatter, "at: {}", self.at)?;
        writeln!(formatter)?;
        write!(formatter, "{}", self.note)
    }
}

impl Receipt {
    /// Reads a receipt. Blank lines before and after it, and blanks at the ends of its lines, which a ticket may add, do no harm.
    ///
    /// # Errors
    /// When a line is missing, too much, or not as this program writes it.
    pub fn parse(text: &str) -> Result<Self, InvalidReceipt> {
        if text.len() > BYTES_MAX {
            return Err(InvalidReceipt("it is too long"));
        }
        let tidy: String = text
            .trim()
            .lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect();
        let (head, note) = tidy
            .split_once("\n\n")
            .ok_or(InvalidReceipt("the checkpoint is missing"))?;
        let note = Note::parse(note).map_err(|_| InvalidReceipt("the checkpoint is not signed as it should be"))?;
        Checkpoint::parse(&note.text).map_err(|_| InvalidReceipt("the checkpoint cannot be read"))?;
        let mut lines = head.lines();
        if lines.next() != Some(TITLE) {
            return Err(InvalidReceipt("its first line is another"));
        }
        let mut field = |name: &'static str| {
            let line = lines
                .next()
                .and_then(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.map(str::to_owned).ok_or(InvalidReceipt("a line is missing"))
        };
        let portal = Portal(field("portal")?);
        let job = JobId(number(&field("job")?)?);
        let (run, command) = run_of(&field("run")?)?;
        let state = field("state")?;
        let plan_hash = Some(field("plan")?).filter(|hash| hash != "none");
        let events = range_of(&field("events")?)?;
        let actions = actions_of(&field("actions")?)?;
        let at = field("at")?;
        if lines.next().is_some() {
            return Err(InvalidReceipt("there is a line too much"));
        }
        Ok(Self {
            portal,
            job,
            run,
            command,
            state,
            plan_hash,
            events,
            actions,
            at,
            note,
        })
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, InvalidReceipt> {
    text.parse().map_err(|_| InvalidReceipt("a number cannot be read"))
}

fn run_of(text: &str) -> Result<(RunId, String), InvalidReceipt> {
    let (run, command) = text
        .strip_suffix(')')
        .and_then(|text| text.split_once(" ("))
        .ok_or(InvalidReceipt("the run cannot be read"))?;
    Ok((RunId(number(run)?), command.to_owned()))
}

fn range_of(text: &str) -> Result<(u64, u64), InvalidReceipt> {
    let (first, last) = text
        .split_once('-')
        .ok_or(InvalidReceipt("the range of events cannot be read"))?;
    Ok((number(first)?, number(last)?))
}

fn actions_of(text: &str) -> Result<Vec<(String, u32)>, InvalidReceipt> {
    let counts = text.split(", ").map(|part| {
        let (count, state) = part
            .split_once(' ')
            .ok_or(InvalidReceipt("the actions cannot be read"))?;
        Ok((state.to_owned(), number::<u32>(count)?))
    });
    let mut counts = counts.collect::<Result<Vec<_>, InvalidReceipt>>()?;
    let sum: u64 = counts.iter().skip(1).map(|(_, count)| u64::from(*count)).sum();
    match counts.first() {
        Some((word, total)) if word == "total" && u64::from(*total) == sum => {
            counts.remove(0);
            Ok(counts)
        }
        _ => Err(InvalidReceipt("the actions do not add up")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::note::SigningKey;

    fn receipt() -> Receipt {
        let key = SigningKey::from_seed(&[3; 32]);
        let checkpoint = Checkpoint {
            origin: "acme.bitrix24.com/00ff".parse().unwrap(),
            size: 346,
            root: [9; 32],
        };
        Receipt {
            portal: Portal("acme.bitrix24.com".to_owned()),
            job: JobId(3),
            run: RunId(7),
            command: "apply".to_owned(),
            state: "complete".to_owned(),
            plan_hash: Some("7f".repeat(32)),
            events: (120, 345),
            actions: vec![("held".to_owned(), 3), ("confirmed".to_owned(), 211)],
            at: "2026-11-22T10:00:00.000Z".to_owned(),
            note: checkpoint.sign(&[&key]),
        }
    }

    #[test]
    fn a_receipt_survives_a_ticket() {
        let receipt = receipt();
        let text = receipt.to_string();
        assert!(text.len() < 1000, "{text}");
        assert_eq!(Receipt::parse(&text).unwrap(), receipt);
        let pasted = format!("\n\n{}\n  ", text.replace('\n', "  \r\n"));
        assert_eq!(Receipt::parse(&pasted).unwrap(), receipt);
    }

    #[test]
    fn a_receipt_that_does_not_add_up_is_none() {
        let text = receipt().to_string();
        for (from, to) in [
            ("214 total", "215 total"),
            ("events: 120-345", "events: 120"),
            ("job: 3\n", ""),
            ("offboard24 receipt", "offboard24 recept"),
            ("at: 2026", "note: x\nat: 2026"),
            ("\n346\n", "\n0346\n"),
        ] {
            let changed = text.replace(from, to);
            assert_ne!(changed, text);
            assert!(Receipt::parse(&changed).is_err(), "{from} → {to}");
        }
    }
}
