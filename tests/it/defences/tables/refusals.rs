//! What is refused, and how.

use super::{Defence, Removal};

/// Each of them, what it rests on, and the test that shows it.
pub(crate) const REFUSALS: &[Defence] = &[
    Defence {
        against: "refusal: a redirect",
        by: "redirects are not followed",
        without: &[Removal {
            file: "src/portal/http.rs",
            code: ".redirect(reqwest::redirect::Policy::none())",
            becomes: ".redirect(reqwest::redirect::Policy::limited(3))",
        }],
        test: "refusals::address::a_redirect_is_told_and_not_followed_and_without_it_the_same_command_completes",
    },
    Defence {
        against: "refusal: plain http",
        by: "http is for this machine alone",
        without: &[Removal {
            file: "src/portal/webhook.rs",
            code: "if scheme == Scheme::Http && !loopback {",
            becomes: "if scheme == Scheme::Http && loopback && false {",
        }],
        test: "refusals::address::a_url_that_is_no_webhook_is_refused_before_anything_is_asked",
    },
    Defence {
        against: "refusal: a method behind the webhook",
        by: "nothing may follow the token",
        without: &[Removal {
            file: "src/portal/webhook.rs",
            code: "_ => return Err(WebhookError::Tail),",
            becomes: "_ => {}",
        }],
        test: "refusals::address::a_url_that_is_no_webhook_is_refused_before_anything_is_asked",
    },
    Defence {
        against: "refusal: an address at which nobody is",
        by: "the first question is given up in seconds",
        without: &[Removal {
            file: "src/portal/patient.rs",
            code: "const FIRST_FAILURES_MAX: u32 = 3;",
            becomes: "const FIRST_FAILURES_MAX: u32 = 4;",
        }],
        test: "refusals::address::what_does_not_answer_is_told_in_seconds_and_once_it_is_there_the_same_command_completes",
    },
    Defence {
        against: "refusal: a site that is no portal",
        by: "what answers the first question has to speak as a portal does",
        without: &[Removal {
            file: "src/portal/patient.rs",
            code: "strange.then_some(reply.status)",
            becomes: "(strange && reply.status == 1).then_some(reply.status)",
        }],
        test: "refusals::address::a_site_that_is_no_portal_is_told_apart_from_a_portal_that_is_away",
    },
    Defence {
        against: "refusal: another portal's webhook",
        by: "a job belongs to its portal",
        without: &[Removal {
            file: "src/cli/consent.rs",
            code: "if record.portal == *portal {",
            becomes: "if record.portal == *portal || record.job.0 > 0 {",
        }],
        test: "refusals::address::another_portals_webhook_is_refused_before_it_is_asked_and_the_jobs_own_completes_it",
    },
    Defence {
        against: "refusal: a proxy for this machine",
        by: "no proxy is asked for a loopback address",
        without: &[Removal {
            file: "src/portal/http.rs",
            code: "builder.no_proxy().tls_certs_only(certificates)",
            becomes: "builder.tls_certs_only(certificates)",
        }],
        test: "refusals::address::no_proxy_is_asked_for_a_portal_on_this_machine",
    },
    Defence {
        against: "refusal: a certificate that is not trusted",
        by: "what cannot be proved is not believed",
        without: &[Removal {
            file: "src/portal/http.rs",
            code: ".retry(reqwest::retry::never())",
            becomes: ".retry(reqwest::retry::never()).tls_danger_accept_invalid_certs(true)",
        }],
        test: "refusals::tls::a_certificate_of_an_unknown_authority_is_believed_only_with_its_file_and_then_the_whole_job_runs",
    },
    Defence {
        against: "refusal: a certificate for another name",
        by: "the name in the certificate is compared",
        without: &[Removal {
            file: "src/portal/http.rs",
            code: ".retry(reqwest::retry::never())",
            becomes: ".retry(reqwest::retry::never()).tls_danger_accept_invalid_hostnames(true)",
        }],
        test: "refusals::tls::a_certificate_for_another_name_and_one_that_has_expired_are_refused_though_their_authority_is_named",
    },
    Defence {
        against: "refusal: TLS taken for a network that is away",
        by: "what TLS does not accept is told apart, and not repeated",
        without: &[Removal {
            file: "src/portal/http.rs",
            code: "if is_tls(&error) {",
            becomes: "if is_tls(&error) && error.is_builder() {",
        }],
        test: "refusals::tls::a_proxy_that_answers_itself_is_not_believed",
    },
    Defence {
        against: "refusal: a certificate file without a certificate",
        by: "it is read before anything is asked",
        without: &[Removal {
            file: "src/portal/http.rs",
            code: "Ok(certificates) if !certificates.is_empty() => Ok(certificates),",
            becomes: "Ok(certificates) => Ok(certificates),",
        }],
        test: "refusals::tls::a_certificate_file_that_is_none_is_named_before_anything_is_asked",
    },
    Defence {
        against: "refusal: a webhook that is not accepted",
        by: "its owner is asked for before a job is recorded",
        without: &[Removal {
            file: "src/cli/preflight.rs",
            code: "let profile = reader.profile().await?;",
            becomes: "let profile = reader.profile().await.unwrap_or(crate::portal::Profile { id: UserId(1), clock: None });",
        }],
        test: "refusals::permissions::a_wrong_token_and_another_users_number_are_told_and_the_right_webhook_completes_the_job",
    },
    Defence {
        against: "refusal: an owner who is no administrator",
        by: "the preflight asks for what only an administrator sees",
        without: &[Removal {
            file: "src/cli/preflight.rs",
            code: "if !reader.can_administer_workflows().await? {",
            becomes: "if !reader.can_administer_workflows().await.unwrap_or(true) && reader.scope().await?.is_empty() {",
        }],
        test: "refusals::permissions::what_the_webhook_lacks_is_told_before_a_job_is_recorded_and_once_it_has_it_the_same_command_completes",
    },
    Defence {
        against: "refusal: a scope that is missing",
        by: "scopes are asked for before a job is recorded",
        without: &[Removal {
            file: "src/cli/preflight.rs",
            code: r#"if !has(&["bizproc"]) {"#,
            becomes: r#"if !has(&["bizproc", "user"]) {"#,
        }],
        test: "refusals::permissions::what_the_webhook_lacks_is_told_before_a_job_is_recorded_and_once_it_has_it_the_same_command_completes",
    },
    Defence {
        against: "refusal: a tariff without business processes",
        by: "the methods are asked for before a job is recorded",
        without: &[Removal {
            file: "src/cli/preflight.rs",
            code: "if !state.exists {",
            becomes: "if !state.exists && state.available {",
        }],
        test: "refusals::permissions::what_the_webhook_lacks_is_told_before_a_job_is_recorded_and_once_it_has_it_the_same_command_completes",
    },
    Defence {
        against: "refusal: a roster that cannot be read",
        by: "the roster is read before the first request",
        without: &[Removal {
            file: "src/cli/planning.rs",
            code: ".map_err(unreadable)?;",
            becomes: ".map_err(unreadable).unwrap_or_default();",
        }],
        test: "refusals::roster::a_roster_that_cannot_be_read_is_named_and_nothing_is_asked",
    },
    Defence {
        against: "refusal: a file of another program",
        by: "the file says whose it is",
        without: &[Removal {
            file: "src/journal/open.rs",
            code: "if application != APPLICATION_ID && (application != 0 || version != 0 || tables != 0) {",
            becomes: "if application != APPLICATION_ID && application != 0 {",
        }],
        test: "refusals::database::a_file_of_another_program_is_refused_by_every_command_and_left_as_it_is",
    },
    Defence {
        against: "refusal: tidying up after another program",
        by: "whose it is is read before it is opened for writing",
        without: &[Removal {
            file: "src/journal/open.rs",
            code: "opened => drop(opened?),",
            becomes: "opened => drop(opened),",
        }],
        test: "refusals::database::a_file_of_another_program_is_refused_by_every_command_and_left_as_it_is",
    },
    Defence {
        against: "refusal: a newer database",
        by: "its version is compared",
        without: &[Removal {
            file: "src/journal/open.rs",
            code: "if version > known {",
            becomes: "if version > known + 1000 {",
        }],
        test: "refusals::database::a_database_of_a_newer_program_is_refused_by_every_command_and_left_as_it_is",
    },
    Defence {
        against: "refusal: a broken file taken for a bug",
        by: "what SQLite finds broken is damage",
        without: &[Removal {
            file: "src/journal/error.rs",
            code: "Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => Self::Corrupt(cause),",
            becomes: "Some(rusqlite::ErrorCode::NotADatabase) => Self::Corrupt(cause),",
        }],
        test: "refusals::database::a_database_that_was_cut_short_or_scribbled_over_is_refused_by_every_command_and_left_as_it_is",
    },
    Defence {
        against: "refusal: a changed byte",
        by: "the chain of hashes is verified before anything is asked",
        without: &[Removal {
            file: "src/journal/chain.rs",
            code: "if let Some(fault) = link.faults.first() {",
            becomes: "if let Some(fault) = link.faults.first().filter(|_| size_asked == Some(u64::MAX)) {",
        }],
        test: "refusals::database::a_byte_that_changed_anywhere_is_no_crash_and_no_bug_and_whoever_is_refused_has_sent_nothing",
    },
    Defence {
        against: "refusal: a folder that cannot be written",
        by: "where a file is and what is in it are told apart",
        without: &[Removal {
            file: "src/journal/open.rs",
            code: "JournalError::Sqlite(cause) if is_of_place(&cause) => JournalError::Place {",
            becomes: "JournalError::Sqlite(cause) if is_of_place(&cause) && version_known() == 0 => JournalError::Place {",
        }],
        test: "refusals::database::where_nothing_can_be_written_every_command_says_so_and_once_it_can_the_job_goes_on",
    },
    Defence {
        against: "refusal: no room for a batch",
        by: "room is looked for before anything is sent",
        without: &[Removal {
            file: "src/journal/reserve.rs",
            code: "const ROOM_BYTES_MIN: u64 = 4 << 20;",
            becomes: "const ROOM_BYTES_MIN: u64 = 0;",
        }],
        test: "refusals::disk::without_room_for_a_batch_nothing_is_sent_and_with_room_the_job_completes",
    },
    Defence {
        against: "refusal: a disk that gets full in flight",
        by: "answers are recorded in the room of the reserve",
        without: &[Removal {
            file: "src/journal/mod.rs",
            code: "reserve::give_up(&self.path)?;",
            becomes: "",
        }],
        test: "refusals::disk::a_disk_that_gets_full_while_a_batch_is_in_flight_loses_no_answer",
    },
    Defence {
        against: "refusal: a disk that gets full in mid-batch, and a run that goes on",
        by: "a run that used the reserve ends",
        without: &[Removal {
            file: "src/journal/mod.rs",
            code: "Err(JournalError::ReserveUsed)",
            becomes: "Ok(())",
        }],
        test: "refusals::disk::a_disk_that_gets_full_while_a_batch_is_read_back_loses_no_outcome",
    },
    Defence {
        against: "refusal: a disk too small for a database",
        by: "an index that finds no room is a full disk",
        without: &[Removal {
            file: "src/journal/error.rs",
            code: "_ if is_no_room_for_index(&cause) => Self::DiskFull,",
            becomes: "_ if is_no_room_for_index(&cause) && false => Self::DiskFull,",
        }],
        test: "refusals::disk::on_a_disk_without_room_for_a_database_nothing_is_asked_and_with_room_the_same_command_completes",
    },
    Defence {
        against: "refusal: a journal that cannot be written",
        by: "a COMMIT that failed is followed by no request",
        without: &[Removal {
            file: "src/journal/mod.rs",
            code: "if let Err(cause) = transaction.commit() {",
            becomes: "if let Err(cause) = transaction.commit().or_else(|_| Ok::<(), rusqlite::Error>(())) {",
        }],
        test: "refusals::codes::code_1_a_journal_that_cannot_be_written",
    },
    Defence {
        against: "refusal: a second run",
        by: "a lock that another process has is not waited for",
        without: &[Removal {
            file: "src/cli/work.rs",
            code: "let lock = Lock::take(&database_lock(&place.database))?;",
            becomes: "let lock = Lock::take(&place.database.with_extension(std::process::id().to_string()))?;",
        }],
        test: "refusals::codes::code_8_locked",
    },
    Defence {
        against: "refusal: clocks that differ",
        by: "the difference is said before anything is done",
        without: &[Removal {
            file: "src/cli/preflight.rs",
            code: "if seconds < CLOCKS_DIFFER_MIN {",
            becomes: "if seconds < CLOCKS_DIFFER_MIN * 1000 {",
        }],
        test: "refusals::clock::a_clock_that_is_off_is_noted_and_recorded_and_the_job_runs",
    },
    Defence {
        against: "refusal: a block that the wrong clock lengthens",
        by: "the portal's clock is compared with itself only",
        without: &[Removal {
            file: "src/portal/limit.rs",
            code: r#"- time.get("finish")?.as_f64()?;"#,
            becomes: "- std::time::SystemTime::UNIX_EPOCH.elapsed().ok()?.as_secs_f64();",
        }],
        test: "refusals::clock::a_blocked_method_is_waited_for_as_long_as_it_lasts_whatever_the_clocks_say",
    },
    Defence {
        against: "refusal: a clock that jumps during a run",
        by: "how long something takes is read from a clock that cannot be set",
        without: &[Removal {
            file: "src/portal/connection.rs",
            code: "self.settings.clock.monotonic()\n",
            becomes: "Duration::from_secs(self.settings.clock.utc().timestamp().unsigned_abs())\n",
        }],
        test: "refusals::clock::a_clock_that_jumps_during_a_run_changes_nothing",
    },
    Defence {
        against: "refusal: an output that is closed",
        by: "what is printed is on record already, so that writing may fail",
        without: &[Removal {
            file: "src/cli/terminal.rs",
            code: "if to.write_all(line.as_bytes()).and_then(|()| to.flush()).is_err() {",
            becomes: "if to.write_all(line.as_bytes()).and_then(|()| to.flush()).is_err() { std::process::exit(1);",
        }],
        test: "refusals::output::a_pipe_that_nobody_reads_stops_no_run",
    },
    Defence {
        against: "refusal: two things wrong at once",
        by: "the first in the order of the codes counts",
        without: &[Removal {
            file: "src/cli/execution.rs",
            code: "failure.exit = Exit::first([failure.exit, exit_of(link, &status)]);",
            becomes: "failure.exit = exit_of(link, &status);",
        }],
        test: "refusals::precedence::a_webhook_that_ends_in_mid_run_counts_before_what_failed_and_what_is_open",
    },
];
