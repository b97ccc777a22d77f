//! The receipt of a run: what it did, and the checkpoint that covers it. Small enough for a ticket, and worth something only elsewhere.
//!
//! ```text
//! offboard24 receipt
//! portal: acme.bitrix24.com
//! job: 3
//! run: 7 (apply)
//! state: complete
//! plan: 7f3a91c2…
//! decided: 1 time, last 2026-11-22T09:12:00.000Z, event 96, by alex on office-7
//! approved: 1 time, last 2026-11-22T09:40:00.000Z, event 118, by vera on office-7
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
//! The lines above the checkpoint are for people; they are checked against the events that the checkpoint covers. `approved` counts what was
//! said of the plan that `plan` names, and of no other. Receipts of earlier versions lack `decided` and `approved`, and say nothing about them.

use std::fmt;

use super::note::{Checkpoint, Note, SIGNATURE_MARK};
use super::review::Review;
use crate::domain::{JobId, Portal, RunId};

/// The first line.
const TITLE: &str = "offboard24 receipt";

/// Lines between the first and the checkpoint.
const FIELDS: usize = 10;

/// Of them, those that receipts of earlier versions lack, and the place of the first.
const FIELDS_ADDED: usize = 2;
const FIRST_ADDED: usize = 5;

/// Bytes of a receipt that are read, with whatever stands around it.
pub const BYTES_MAX: usize = 1 << 20;

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
    /// What people said about the plan; none in a receipt of an earlier version, which does not tell.
    pub review: Option<Review>,
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
        if let Some(review) = &self.review {
            writeln!(formatter, "decided: {}", review.decided)?;
            writeln!(formatter, "approved: {}", review.approved)?;
        }
        writeln!(formatter, "events: {}-{}", self.events.0, self.events.1)?;
        writeln!(formatter, "actions: {}", actions.collect::<Vec<_>>().join(", "))?;
        writeln!(formatter, "at: {}", self.at)?;
        writeln!(formatter)?;
        write!(formatter, "{}", self.note)
    }
}

impl Receipt {
    /// Reads the receipt in a text: what stands before and after it, blank lines, and the marks and blanks that quoting puts before lines
    /// or after them, do no harm. Of several receipts none is chosen, unless they all say the same.
    ///
    /// # Errors
    /// When there is none, one of them is not whole or not as this program writes it, or they differ.
    pub fn parse(text: &str) -> Result<Self, InvalidReceipt> {
        if text.len() > BYTES_MAX {
            return Err(InvalidReceipt("it is too long"));
        }
        let lines: Vec<&str> = text.lines().map(unquoted).filter(|line| !line.is_empty()).collect();
        // A heading may say the same words.
        let begins = |place: &usize| lines[*place] == TITLE && lines.get(place + 1) != Some(&TITLE);
        let places = (0..lines.len()).filter(begins);
        let mut receipts = places.map(|place| Self::read(&lines[place + 1..]));
        let first = receipts
            .next()
            .ok_or(InvalidReceipt("no line of it is the first line of one"))??;
        for other in receipts {
            if other? != first {
                return Err(InvalidReceipt("there are several in it, and they differ"));
            }
        }
        Ok(first)
    }

    /// Reads what follows the first line; the lines are not blank. The signatures say whether they are the right ones.
    fn read(lines: &[&str]) -> Result<Self, InvalidReceipt> {
        let tells_review = lines.get(FIRST_ADDED).is_some_and(|line| line.starts_with("decided: "));
        let fields = if tells_review { FIELDS } else { FIELDS - FIELDS_ADDED };
        let Some((head, [origin, size, root, rest @ ..])) = lines.split_at_checked(fields) else {
            return Err(InvalidReceipt("its end is missing"));
        };
        let mark = format!("{SIGNATURE_MARK}{origin} ");
        let signatures = rest.iter().take_while(|line| line.starts_with(&mark));
        let signatures: Vec<String> = signatures.map(|line| format!("{line}\n")).collect();
        let note = format!("{origin}\n{size}\n{root}\n\n{}", signatures.concat());
        let note = Note::parse(&note).map_err(|_| InvalidReceipt("the checkpoint is not signed as it should be"))?;
        Checkpoint::parse(&note.text).map_err(|_| InvalidReceipt("the checkpoint cannot be read"))?;
        let mut lines = head.iter();
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
        let review = if tells_review {
            Some(Review {
                decided: field("decided")?,
                approved: field("approved")?,
            })
        } else {
            None
        };
        let events = range_of(&field("events")?)?;
        let actions = actions_of(&field("actions")?)?;
        let at = field("at")?;
        Ok(Self {
            portal,
            job,
            run,
            command,
            state,
            plan_hash,
            review,
            events,
            actions,
            at,
            note,
        })
    }
}

/// A line without what a mail program or a ticket puts around it when it is quoted.
fn unquoted(line: &str) -> &str {
    let is_mark = |c: char| c.is_whitespace() || matches!(c, '>' | '|' | '\u{feff}');
    line.trim_start_matches(is_mark).trim_end()
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
            review: Some(Review {
                decided: "none".to_owned(),
                approved: "1 time, last 2026-11-22T09:40:00.000Z, event 118, by vera on office-7".to_owned(),
            }),
            events: (120, 345),
            actions: vec![("held".to_owned(), 3), ("confirmed".to_owned(), 211)],
            at: "2026-11-22T10:00:00.000Z".to_owned(),
            note: checkpoint.sign(&[&key]),
        }
    }

    /// As a mail program quotes it.
    fn quoted(text: &str, mark: &str) -> String {
        let lines: Vec<String> = text.lines().map(|line| format!("{mark}{line}\r\n")).collect();
        lines.concat()
    }

    #[test]
    fn a_receipt_survives_a_ticket() {
        let receipt = receipt();
        let text = receipt.to_string();
        assert!(text.len() < 1000, "{text}");
        let before = "From: Ann Lee <ann@example.com>\nSubject: offboard24 receipt\n\nHere it is:\n\n";
        let after = "-- \nAnn Lee\n— Ann Lee\nportal: none\n";
        for pasted in [
            text.clone(),
            format!("\n\n{}\n  ", text.replace('\n', "  \r\n")),
            format!("{before}{text}{after}"),
            format!("{TITLE}\n{text}"),
            format!("{before}{}\n{after}", quoted(&text, "> > ")),
            format!("\u{feff}{}", quoted(&text, "\t    ")),
            quoted(&text, "| \u{a0}"),
            text.replace("\n\n", "\n"),
            text.replace('\n', "\n\n"),
            // Quoted in the answer to itself.
            format!("{text}{after}{}", quoted(&text, ">")),
        ] {
            assert_eq!(Receipt::parse(&pasted).unwrap(), receipt, "{pasted}");
        }
    }

    #[test]
    fn of_two_receipts_none_is_chosen_and_what_is_wrong_with_one_is_told() {
        let text = receipt().to_string();
        let other = text.replace("run: 7", "run: 8");
        let cut = &text[..text.rfind('—').unwrap()];
        for (pasted, why) in [
            (format!("{text}{other}"), "there are several in it, and they differ"),
            (format!("{text}{cut}"), "the checkpoint is not signed as it should be"),
            (text[..60].to_owned(), "its end is missing"),
            ("job: 3".to_owned(), "no line of it is the first line of one"),
            ("x".repeat(BYTES_MAX + 1), "it is too long"),
        ] {
            let told = Receipt::parse(&pasted).unwrap_err().to_string();
            assert_eq!(told, format!("it is no receipt of offboard24: {why}"), "{pasted:.200}");
        }
    }

    #[test]
    fn a_receipt_of_an_earlier_version_can_be_read_and_says_nothing_of_decisions_and_approvals() {
        let text = receipt().to_string();
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("decided: ") && !line.starts_with("approved: "));
        let earlier: Vec<String> = lines.map(|line| format!("{line}\n")).collect();
        let earlier = Receipt::parse(&earlier.concat()).unwrap();
        assert_eq!(
            earlier,
            Receipt {
                review: None,
                ..receipt()
            }
        );
        assert_eq!(Receipt::parse(&earlier.to_string()).unwrap(), earlier);
    }

    #[test]
    fn a_receipt_that_does_not_add_up_is_none() {
        let text = receipt().to_string();
        for (from, to) in [
            ("214 total", "215 total"),
            ("events: 120-345", "events: 120"),
            ("job: 3\n", ""),
            ("decided: none\n", ""),
            ("approved: 1", "aproved: 1"),
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
