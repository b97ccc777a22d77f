//! The log, proofs, and the formats that they are written in.

use super::{Defence, Removal};

/// Each of them, what it rests on, and the test that shows it.
pub(crate) const PROOFS: &[Defence] = &[
    Defence {
        against: "proof: a node that passes for a leaf",
        by: "nodes and leaves are hashed with different first bytes",
        without: &[Removal {
            file: "src/journal/tree.rs",
            code: "hash.update([0x01]);",
            becomes: "hash.update([0x00]);",
        }],
        test: "vectors::trees::the_reference_tree_has_the_published_roots_at_every_size",
    },
    Defence {
        against: "proof: a good signature beside a wrong one",
        by: "a wrong signature in a key's name spoils the note",
        without: &[Removal {
            file: "src/journal/note/mod.rs",
            code: "own.peek().is_some() && own.all(",
            becomes: "own.peek().is_some() && own.any(",
        }],
        test: "vectors::notes::signatures_of_strangers_say_nothing_and_a_wrong_one_in_the_keys_name_spoils_the_note",
    },
    Defence {
        against: "proof: a checkpoint of another log",
        by: "its origin has to be the key's name",
        without: &[Removal {
            file: "src/journal/note/checkpoint.rs",
            code: "if checkpoint.origin != *key.name() {",
            becomes: "if checkpoint.size == u64::MAX {",
        }],
        test: "vectors::notes::a_checkpoint_of_another_log_is_not_taken_for_this_ones",
    },
    Defence {
        against: "proof: other people's values",
        by: "a value is shown only where it is about the workflow's own people",
        without: &[Removal {
            file: "src/journal/prove.rs",
            code: "Whom::Known(About::User(user)) => subject.people.contains(&user),",
            becomes: "Whom::Known(About::User(user)) => user.0 > 0,",
        }],
        test: "prove::the_values_of_the_workflows_own_people_are_shown_and_other_peoples_are_nowhere",
    },
    Defence {
        against: "proof: a value of another record",
        by: "a value has to be committed to in its own record",
        without: &[Removal {
            file: "src/journal/bundle.rs",
            code: "if !is_of_record || !is_value {",
            becomes: "if !is_value {",
        }],
        test: "prove::records_and_values_cannot_change_places",
    },
    Defence {
        against: "proof: an old history signed with a newer key",
        by: "a receipt counts with the key that was in force at its size",
        without: &[Removal {
            file: "src/journal/bundle.rs",
            code: "let keys = records.iter().filter(|(seq, _)| *seq < size);",
            becomes: "let keys = records.iter().filter(|_| size > 0);",
        }],
        test: "prove::an_earlier_checkpoint_counts_with_the_key_that_was_in_force_and_with_no_newer_one",
    },
    Defence {
        against: "proof: a journal that was changed",
        by: "what is handed over is checked first",
        without: &[Removal {
            file: "src/journal/prove.rs",
            code: "match bundle.check(None, kept).flaws.into_iter().next() {",
            becomes: "match bundle.check(None, kept).flaws.into_iter().nth(1_000) {",
        }],
        test: "prove::nothing_is_proven_from_a_journal_that_does_not_fit_its_checkpoint_or_has_none",
    },
    Defence {
        against: "proof: a file written over another",
        by: "what is there stays",
        without: &[Removal {
            file: "src/cli/new_files.rs",
            code: "        Ok(_) => Err(existing(path)),",
            becomes: "        Ok(_) => fs::remove_file(path).map_err(|cause| failed(path, &cause)),",
        }],
        test: "prove::a_file_is_written_once_for_its_owner_alone_and_never_over_another",
    },
    Defence {
        against: "proof: a key that says itself that it took another's place",
        by: "the key that was replaced has to have signed too",
        without: &[Removal {
            file: "src/journal/bundle.rs",
            code: "is_ok_and(|note| note.verified_by(&old));",
            becomes: "is_ok_and(|note| note.verified_by(&new));",
        }],
        test: "prove::a_proof_made_after_two_rotations_holds_for_whoever_knows_only_the_first_key",
    },
    Defence {
        against: "proof: a checkpoint that has nothing to do with a rotation",
        by: "the event before it has to be the rotation",
        without: &[Removal {
            file: "src/journal/bundle.rs",
            code: "records.iter().find(|(seq, _)| seq + 1 == size);",
            becomes: "records.iter().rfind(|(_, envelope)| matches!(envelope.event, Event::SigningKeyRotated(_)));",
        }],
        test: "prove::a_proof_made_after_two_rotations_holds_for_whoever_knows_only_the_first_key",
    },
    Defence {
        against: "proof: a head that it says nothing about",
        by: "what could not be compared is told",
        without: &[Removal {
            file: "src/cli/audit/proof.rs",
            code: "(!names.is_empty()).then(|| {",
            becomes: "(names.len() > 1_000).then(|| {",
        }],
        test: "prove::heads_and_receipts_are_compared_with_a_proof_and_where_they_cannot_be_that_is_told",
    },
    Defence {
        against: "proof: a head of another history",
        by: "its root has to be the proof's",
        without: &[Removal {
            file: "src/journal/bundle.rs",
            code: "if own.root == known.root {",
            becomes: "if own.size == known.size {",
        }],
        test: "prove::heads_and_receipts_are_compared_with_a_proof_and_where_they_cannot_be_that_is_told",
    },
    Defence {
        against: "log: a title that drives the terminal",
        by: "every line is made safe",
        without: &[
            Removal {
                file: "src/cli/audit/log.rs",
                code: "    line(&format!(\"{seq:>6}  {}  {job:<5} {run:<5}  {sentence}\", envelope.at))",
                becomes: "    line(\"\") + &format!(\"{seq:>6}  {}  {job:<5} {run:<5}  {sentence}\", envelope.at)",
            },
            Removal {
                file: "src/cli/audit/log.rs",
                code: ".map_or(Shown::Absent(\"erased\"), |value| Shown::Text(printable(value.expose())))",
                becomes: ".map_or(Shown::Text(printable(\"erased\")), |value| Shown::Text(value.expose().to_owned()))",
            },
        ],
        test: "log::a_title_cannot_drive_the_terminal_that_the_log_is_read_on",
    },
    Defence {
        against: "log: what became of a workflow's action",
        by: "an event that names only the action is found through its plan",
        without: &[Removal {
            file: "src/journal/trail.rs",
            code: "AND p.kind = 'action_planned'",
            becomes: "AND p.kind = 'no_kind'",
        }],
        test: "log::a_search_finds_by_kind_workflow_run_and_job_what_fits_all_of_them",
    },
    Defence {
        against: "log: a person in another role",
        by: "every role in which an event names a user counts",
        without: &[Removal {
            file: "src/journal/naming.rs",
            code: "Self::RunStarted(event) => vec![event.webhook_owner],",
            becomes: "Self::RunStarted(_) => Vec::new(),",
        }],
        test: "log::a_search_for_a_person_finds_their_rows_their_account_and_what_became_of_what_waited_for_them",
    },
];
