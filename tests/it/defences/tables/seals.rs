//! Checkpoints, keys and heads, and databases of older versions.

use super::{Defence, Removal};

/// Each of them, what it rests on, and the test that shows it.
pub(crate) const SEALS: &[Defence] = &[
    Defence {
        against: "seal: an event that nobody signed",
        by: "every transaction ends with a checkpoint",
        without: &[Removal {
            file: "src/journal/mod.rs",
            code: "        growing.seal()?;\n",
            becomes: "",
        }],
        test: "sealing::every_transaction_ends_with_a_checkpoint_and_the_last_one_is_the_head",
    },
    Defence {
        against: "seal: an older copy that was put back",
        by: "the journal is compared with the head before anything is asked",
        without: &[Removal {
            file: "src/journal/mod.rs",
            code: "    Ok(compare(checkpoint, scan, path)?)",
            becomes: "    drop(compare(checkpoint, scan, path));\n    Ok(())",
        }],
        test: "sealing::an_older_copy_put_back_is_refused_before_anything_is_asked",
    },
    Defence {
        against: "seal: another history of the same length",
        by: "the root at the head's size has to be the head's",
        without: &[Removal {
            file: "src/journal/mod.rs",
            code: "_ => Err(HeadError::Differs { path, size }),",
            becomes: "_ => Ok(()),",
        }],
        test: "sealing::a_journal_that_tells_another_story_than_the_head_is_refused",
    },
    Defence {
        against: "seal: events that others added",
        by: "nothing is signed over what no checkpoint covers",
        without: &[Removal {
            file: "src/journal/mod.rs",
            code: "_ => Err(JournalError::NotSealed),",
            becomes: "_ => Ok(()),",
        }],
        test: "sealing::events_that_somebody_else_added_are_never_signed_by_this_program",
    },
    Defence {
        against: "seal: a new key that takes over by itself",
        by: "right after a rotation the old key signs too",
        without: &[Removal {
            file: "src/journal/seal.rs",
            code: "let keys = signers.replaced.iter().chain([&signers.key]);",
            becomes: "let keys = [&signers.key].into_iter();",
        }],
        test: "sealing::a_rotation_is_signed_by_both_keys_and_only_the_new_one_signs_after_it",
    },
    Defence {
        against: "seal: a key that others can read",
        by: "its permissions are looked at",
        without: &[Removal {
            file: "src/journal/key.rs",
            code: "return Err(KeyError::Open(path.to_owned()));",
            becomes: "drop(KeyError::Open(path.to_owned()));",
        }],
        test: "sealing::a_key_file_that_others_can_read_or_that_holds_no_key_is_refused",
    },
    Defence {
        against: "migration: an older database that is changed without a copy",
        by: "it is copied first",
        without: &[Removal {
            file: "src/journal/open.rs",
            code: "back_up(db, &backup_path(path, found))?;",
            becomes: "drop(backup_path(path, found));",
        }],
        test: "migration::the_first_writing_copies_it_loses_no_event_and_signs_from_there_on",
    },
    Defence {
        against: "migration: a copy that could not be made",
        by: "without it nothing is changed",
        without: &[Removal {
            file: "src/journal/open.rs",
            code: "back_up(db, &backup_path(path, found))?;",
            becomes: "drop(back_up(db, &backup_path(path, found)));",
        }],
        test: "migration::a_copy_that_cannot_be_made_leaves_the_old_version_as_it_is",
    },
    Defence {
        against: "migration: a copy that others can read",
        by: "it is made for its owner alone",
        without: &[Removal {
            file: "src/journal/open.rs",
            code: "        .truncate(true)\n        .mode(0o600)",
            becomes: "        .truncate(true)\n        .mode(0o644)",
        }],
        test: "migration::the_first_writing_copies_it_loses_no_event_and_signs_from_there_on",
    },
    Defence {
        against: "migration: values that stay in the copy",
        by: "an erasure cleans the copies too",
        without: &[Removal {
            file: "src/journal/redact.rs",
            code: "        cleaned = cleaned.and(clean_backup(db, &backup).map_err(|cause| (backup, cause)));",
            becomes: "        drop(clean_backup(db, &backup.join(\"x\")));",
        }],
        test: "migration::an_erasure_reaches_the_copy_that_the_migration_made",
    },
];
