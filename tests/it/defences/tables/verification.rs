//! Verification: what is damaged is found, and nothing else is called damaged.

use super::{Defence, Removal};

/// Each of them, what it rests on, and the test that shows it.
pub(crate) const VERIFICATION: &[Defence] = &[
    Defence {
        against: "verify: an end that was cut off",
        by: "a head that covers more than there is is found",
        without: &[Removal {
            file: "src/journal/verify/outside.rs",
            code: "if size > events {",
            becomes: "if size == u64::MAX {",
        }],
        test: "verify::an_end_that_was_cut_off_is_found_with_the_head_or_the_receipt_and_not_without",
    },
    Defence {
        against: "verify: a key that took over without the one before it",
        by: "every key that has to sign is looked for",
        without: &[Removal {
            file: "src/journal/verify/checkpoints.rs",
            code: "for key in &self.signers {",
            becomes: "for key in self.signers.last() {",
        }],
        test: "verify::a_key_that_took_over_without_the_signature_of_the_one_before_it_is_found",
    },
    Defence {
        against: "verify: a value that was not erased",
        by: "what an erasure covers has to be gone",
        without: &[Removal {
            file: "src/journal/verify/reveals.rs",
            code: "                    if !is_gone {",
            becomes: "                    if !is_gone && redaction.said == u32::MAX {",
        }],
        test: "verify::an_erasure_is_found_in_order_only_when_it_erased_what_it_says",
    },
    Defence {
        against: "verify: a confirmation that a second person had to approve",
        by: "whoever had a hand in the plan approves nothing",
        without: &[Removal {
            file: "src/journal/verify/meaning.rs",
            code: "!rules.needs_approval(planned) || self.is_approved(),",
            becomes: "!rules.needs_approval(planned) || !self.approved.is_empty(),",
        }],
        test: "verify::a_plan_that_was_confirmed_without_the_approval_of_somebody_else_is_found",
    },
    Defence {
        against: "verify: an approval that a decision voided",
        by: "only what was said after the last decision counts",
        without: &[Removal {
            file: "src/journal/verify/meaning.rs",
            code: "of_plan.filter(|(_, word)| Some(word.event) > last_decided)",
            becomes: "of_plan.filter(|(_, word)| Some(word.event) != last_decided)",
        }],
        test: "verify::a_decision_voids_what_was_approved_and_whoever_decided_cannot_approve",
    },
    Defence {
        against: "verify: a plan that does what its policy holds back",
        by: "each action is held against the rules",
        without: &[Removal {
            file: "src/journal/verify/meaning.rs",
            code: "if let Some(hold) = hold.filter(|_| goes_ahead) {",
            becomes: "if let Some(hold) = hold.filter(|_| goes_ahead && self.is_confirmed) {",
        }],
        test: "verify::a_plan_that_its_policy_forbids_is_found",
    },
    Defence {
        against: "verify: a plan that leaves somebody out who waits",
        by: "the tasks on record say who waits",
        without: &[Removal {
            file: "src/journal/verify/meaning.rs",
            code: "waiting.iter().copied().eq(&event.participants)",
            becomes: "waiting.len() <= 2 * event.participants.len()",
        }],
        test: "verify::a_plan_that_is_not_about_what_was_found_is_found",
    },
    Defence {
        against: "verify: a receipt in a ticket",
        by: "marks of quoting are no part of a line",
        without: &[Removal {
            file: "src/journal/receipt.rs",
            code: "line.trim_start_matches(is_mark).trim_end()",
            becomes: "if line.chars().any(is_mark) { line.trim() } else { line }",
        }],
        test: "lib journal::receipt::tests::a_receipt_survives_a_ticket",
    },
    Defence {
        against: "verify: two receipts in one ticket",
        by: "of those that differ none is chosen",
        without: &[Removal {
            file: "src/journal/receipt.rs",
            code: "if other? != first {",
            becomes: "if other? != first && first.state.is_empty() {",
        }],
        test: "lib journal::receipt::tests::of_two_receipts_none_is_chosen_and_what_is_wrong_with_one_is_told",
    },
    Defence {
        against: "verify: a receipt that cannot be read taken for damage",
        by: "the database's findings and those of what was given are told apart",
        without: &[Removal {
            file: "src/cli/audit/verify.rs",
            code: "if !report.counts.keys().all(unusable) {",
            becomes: "if !report.is_intact() || !report.counts.keys().all(unusable) {",
        }],
        test: "verify::a_receipt_is_read_out_of_a_ticket_and_one_that_is_not_whole_is_at_fault_and_not_the_database",
    },
    Defence {
        against: "tampering: a history that was written anew",
        by: "a checkpoint's root has to be that of the events",
        without: &[Removal {
            file: "src/journal/verify/checkpoints.rs",
            code: "if checkpoint.root != self.tree.root() {",
            becomes: "if checkpoint.size == u64::MAX {",
        }],
        test: "tampering::each_attack_is_found_exactly_where_it_can_be",
    },
    Defence {
        against: "tampering: checkpoints that were taken away",
        by: "one is demanded wherever a transaction ended",
        without: &[Removal {
            file: "src/journal/verify/checkpoints.rs",
            code: "if self.signers.last().is_some() && self.signed.last != Some(size) {",
            becomes: "if self.signers.last().is_some() && size == u64::MAX {",
        }],
        test: "tampering::each_attack_is_found_exactly_where_it_can_be",
    },
    Defence {
        against: "tampering: a table that says something else than the events",
        by: "the tables are made anew and compared",
        without: &[Removal {
            file: "src/journal/verify/mod.rs",
            code: "findings.extend(beside.anew.compare(self.db, &missing)?);",
            becomes: "drop(beside.anew.compare(self.db, &missing)?);",
        }],
        test: "tampering::each_attack_is_found_exactly_where_it_can_be",
    },
    Defence {
        against: "tampering: a value that was replaced",
        by: "salt and value have to be those that were committed to",
        without: &[Removal {
            file: "src/journal/verify/reveals.rs",
            code: "Content::Kept(found) if found == hash => self.kept += 1,",
            becomes: "Content::Kept(found) if found == hash || seq >= 0 => self.kept += 1,",
        }],
        test: "tampering::each_attack_is_found_exactly_where_it_can_be",
    },
];
