//! Erasing, and exports: what has to be gone, and what has to be whole.

use super::{Defence, Removal};

/// Each of them, what it rests on, and the test that shows it.
pub(crate) const ERASURES: &[Defence] = &[
    Defence {
        against: "erasure: bytes that a reader keeps in the log",
        by: "it is finished only when the log is empty",
        without: &[Removal {
            file: "src/journal/redact.rs",
            code: "if busy { Err(JournalError::Busy) } else { Ok(()) }",
            becomes: "if busy { Ok(()) } else { Ok(()) }",
        }],
        test: "redact::while_a_reader_keeps_bytes_there_it_is_recorded_and_the_next_command_that_writes_finishes_it",
    },
    Defence {
        against: "erasure: a person whose job is not finished",
        by: "what is planned or sent has to end first",
        without: &[Removal {
            file: "src/cli/audit/redact.rs",
            code: "if counts.contains_key(&ActionState::Sent) || ",
            becomes: "if counts.len() > 1_000 && ",
        }],
        test: "redact::while_a_job_with_the_person_is_not_finished_nothing_is_erased",
    },
    Defence {
        against: "erasure: a slip of the hand",
        by: "the number of values has to be given",
        without: &[Removal {
            file: "src/cli/audit/redact.rs",
            code: "Some(given) => given == values,",
            becomes: "Some(given) => given > 0,",
        }],
        test: "redact::a_wrong_count_a_stranger_or_nobody_to_ask_erases_nothing",
    },
    Defence {
        against: "erasure: a namesake",
        by: "somebody else's own name is no mention",
        without: &[Removal {
            file: "src/cli/audit/mentions.rs",
            code: "found.extend(Some(mention).filter(|mention| !mention.is_key));",
            becomes: "found.push(mention);",
        }],
        test: "redact::all_that_was_listed_leaves_a_namesake_their_name",
    },
    Defence {
        against: "erasure: a reason that keeps the name",
        by: "a reason with the name in it is refused",
        without: &[Removal {
            file: "src/cli/audit/redact.rs",
            code: "if reason.is_some_and(|reason| names.are_in(reason)) {",
            becomes: "if reason.is_some_and(|reason| reason.is_empty() && names.are_in(reason)) {",
        }],
        test: "redact::a_reason_with_the_name_in_it_and_digits_that_are_none_are_refused",
    },
    Defence {
        against: "erasure: somebody else's file",
        by: "only what SQLite left is removed",
        without: &[Removal {
            file: "src/journal/redact.rs",
            code: "if entry.file_name().to_string_lossy().starts_with(SQLITE_TEMPORARY) {",
            becomes: "if !SQLITE_TEMPORARY.is_empty() {",
        }],
        test: "redact::what_is_left_of_a_cleaning_that_died_is_removed_and_nothing_else",
    },
    Defence {
        against: "erasure: an address that is gone with its person",
        by: "that it may have been erased is told",
        without: &[Removal {
            file: "src/cli/audit/person.rs",
            code: "!view.erasures()?.is_empty()",
            becomes: "view.erasures()?.is_empty()",
        }],
        test: "redact::an_address_that_nobody_has_any_more_may_have_been_erased_and_that_is_told",
    },
    Defence {
        against: "erasure: a row of the person that no user was found for",
        by: "rows with the name in them are pointed out",
        without: &[Removal {
            file: "src/cli/audit/redact.rs",
            code: "row.user.or(row.id).is_none() && names.are_in_row(row)",
            becomes: "row.user.is_some() && names.are_in_row(row)",
        }],
        test: "redact::a_row_that_no_user_was_found_for_and_that_has_the_name_is_pointed_out",
    },
    Defence {
        against: "export: values in what says that it has none",
        by: "they are taken out of the copy",
        without: &[Removal {
            file: "src/journal/export/mod.rs",
            code: "    if redacted {\n        leave",
            becomes: "    if redacted && folder.as_os_str().is_empty() {\n        leave",
        }],
        test: "export::a_redacted_export_has_no_personal_value_in_any_file_and_proves_the_same",
    },
    Defence {
        against: "export: a folder that is there",
        by: "nothing is written over it",
        without: &[Removal {
            file: "src/journal/export/mod.rs",
            code: "if fs::symlink_metadata(folder).is_ok() {",
            becomes: "if folder.as_os_str().is_empty() {",
        }],
        test: "export::an_export_is_never_written_over_something_and_half_an_export_has_not_its_name",
    },
    Defence {
        against: "export: half an export",
        by: "what was begun is removed",
        without: &[Removal {
            file: "src/journal/export/mod.rs",
            code: "drop(fs::remove_dir_all(&self.path));",
            becomes: "drop(fs::metadata(&self.path));",
        }],
        test: "export::an_export_is_never_written_over_something_and_half_an_export_has_not_its_name",
    },
    Defence {
        against: "export: a verifier that was swapped",
        by: "what is the same in every export is compared",
        without: &[Removal {
            file: "src/journal/verify/export.rs",
            code: "is_ok_and(|found| found != text.as_bytes())",
            becomes: "is_ok_and(|found| found.is_empty() && text.is_empty())",
        }],
        test: "export::a_verifier_that_was_swapped_is_told_whatever_version_the_export_says_it_is_of",
    },
    Defence {
        against: "export: a signature that is none",
        by: "the verifier that goes with it checks each",
        without: &[Removal {
            file: "src/journal/export/verify.py",
            code: "check(signed == set(keys),",
            becomes: "check(signed <= set(keys),",
        }],
        test: "export::both_verifiers_agree_on_two_hundred_exports_good_and_damaged",
    },
];
