//! The traps of section 12 of the protocol notes, by their numbers there. Number 33 is about a parameter that is never sent.

use super::{Defence, Removal};

/// Each trap, what keeps us out of it, and the test that shows it.
pub(crate) const TRAPS: &[Defence] = &[
    Defence {
        against: "trap 19",
        by: "a workflow in which somebody else waits is held",
        without: &[Removal {
            file: "src/plan/freeze.rs",
            code: "(HoldReason::Shared, shared),",
            becomes: "(HoldReason::Shared, false),",
        }],
        test: "traps::killing::trap_19_a_workflow_in_which_a_colleague_waits_too_is_held_and_named_and_stays",
    },
    Defence {
        against: "trap 20",
        by: "for a kill every task row of the workflow is recorded, answered ones too",
        without: &[Removal {
            file: "src/plan/discover.rs",
            code: "== Some(&ActionKind::Kill)",
            becomes: "== Some(&ActionKind::Terminate)",
        }],
        test: "traps::killing::trap_20_all_that_a_kill_erases_is_on_record_before_it_is_sent",
    },
    Defence {
        against: "trap 21",
        by: "an error is told by the presence of the key `error`, whatever its value",
        without: &[Removal {
            file: "src/portal/answer.rs",
            code: r#"let error = self.find("result_error", key)?;"#,
            becomes: r#"let error = self.find("result_error", key).filter(|error| error["error"] != "")?;"#,
        }],
        test: "traps::killing::trap_21_an_error_with_an_empty_code_is_an_error",
    },
    Defence {
        against: "trap 22",
        by: "gone after an attempt without an answer is `presumed`, and nothing stronger",
        without: &[Removal {
            file: "src/run/action.rs",
            code: "Outcome::Presumed",
            becomes: "Outcome::Confirmed",
        }],
        test: "traps::killing::trap_22_what_is_gone_after_a_lost_answer_is_presumed_and_neither_failed_nor_confirmed",
    },
    Defence {
        against: "trap 23",
        by: "what the re-check does not find running is `already_gone`, and nothing is sent",
        without: &[Removal {
            file: "src/run/recheck.rs",
            code: "if !seen.listed {\n        Verdict::Gone",
            becomes: "if !seen.listed {\n        Verdict::GoAhead",
        }],
        test: "traps::killing::trap_23_a_kill_of_what_was_terminated_meanwhile_is_not_sent_and_claims_nothing",
    },
    Defence {
        against: "trap 24",
        by: "the id of a workflow is read as text and as nothing else",
        without: &[Removal {
            file: "src/portal/decode.rs",
            code: "value.as_str()?.parse().ok()",
            becomes: "value.as_str()?.parse::<f64>().ok()?.to_string().parse().ok()",
        }],
        test: "traps::killing::trap_24_ids_that_look_like_numbers_stay_text_from_the_portal_to_the_portal",
    },
    Defence {
        against: "trap 25",
        by: "a task whose workflow does not run is a finding and not an action",
        without: &[Removal {
            file: "src/plan/freeze.rs",
            code: ".filter(|view| view.running && !people.is_empty())",
            becomes: ".filter(|_| !people.is_empty())",
        }],
        test: "traps::killing::trap_25_orphans_are_reported_and_left_and_the_job_ends",
    },
    Defence {
        against: "trap 26",
        by: "the plan begins with what runs robots, with module and document",
        without: &[Removal {
            file: "src/cli/show.rs",
            code: "parts.extend(content.robots());",
            becomes: "",
        }],
        test: "traps::killing::trap_26_what_runs_the_robots_of_a_deal_is_shown_with_its_document_before_anybody_confirms",
    },
    Defence {
        against: "trap 27",
        by: "the keys of a batch begin with a letter",
        without: &[
            Removal {
                file: "src/run/machine.rs",
                code: r#"format!("a{}", ready.key.action)"#,
                becomes: r#"format!("{}", ready.key.action)"#,
            },
            Removal {
                file: "src/portal/encode.rs",
                code: "key.starts_with(|first: char| first.is_ascii_alphabetic())",
                becomes: "!key.is_empty()",
            },
        ],
        test: "traps::batch::trap_27_no_key_of_a_batch_is_a_number",
    },
    Defence {
        against: "trap 28",
        by: "names of parameters are percent-encoded like values",
        without: &[Removal {
            file: "src/portal/encode.rs",
            code: r#"&format!("{name}%5B{}%5D", utf8_percent_encode(field, RESERVED)),"#,
            becomes: r#"&format!("{name}%5B{field}%5D"),"#,
        }],
        test: "traps::batch::trap_28_a_condition_with_an_operator_arrives_as_it_was_meant",
    },
    Defence {
        against: "trap 29",
        by: "everything but unreserved characters is percent-encoded",
        without: &[Removal {
            file: "src/portal/encode.rs",
            code: ".remove(b'~')",
            becomes: ".remove(b'~').remove(b'+')",
        }],
        test: "traps::batch::trap_29_a_plus_in_an_e_mail_is_not_a_blank",
    },
    Defence {
        against: "trap 30",
        by: "what a batch would rewrite goes by itself",
        without: &[Removal {
            file: "src/portal/encode.rs",
            code: "Value::String(text) if is_rewritten(text) => return Err(Refusal::Rewritten),",
            becomes: "",
        }],
        test: "traps::batch::trap_30_a_name_that_reads_like_a_reference_is_looked_for_as_it_is",
    },
    Defence {
        against: "trap 31",
        by: "conditions are literals, and a text that refers is not sent",
        without: &[
            Removal {
                file: "src/portal/listing.rs",
                code: r#""FILTER": {"USER_ID": self.user,"#,
                becomes: r#""FILTER": {"USER_ID": format!("$result[q{}][0][ID]", self.user),"#,
            },
            Removal {
                file: "src/portal/encode.rs",
                code: "Value::String(text) if is_rewritten(text) => return Err(Refusal::Rewritten),",
                becomes: "",
            },
        ],
        test: "traps::batch::trap_31_no_command_refers_to_the_result_of_another",
    },
    Defence {
        against: "trap 32",
        by: "a key in neither map is in doubt",
        without: &[Removal {
            file: "src/portal/answer.rs",
            code: "(None, None) => doubt(Doubt::MissingKey),",
            becomes: "(None, None) => Answer::Yes,",
        }],
        test: "traps::batch::trap_32_a_command_that_a_200_does_not_mention_is_in_doubt",
    },
    Defence {
        against: "trap 34",
        by: "intents are on disk before the first byte leaves",
        without: &[
            Removal {
                file: "src/run/mod.rs",
                code: "recorder.record(intents.clone())?;",
                becomes: "let late = intents.clone();",
            },
            Removal {
                file: "src/run/mod.rs",
                code: "let sent = self.destroyer.send(&destroy(&commands, status)).await;",
                becomes: "let sent = self.destroyer.send(&destroy(&commands, status)).await;\n        recorder.record(late)?;",
            },
        ],
        test: "traps::batch::trap_34_what_is_sent_is_in_the_journal_before_the_portal_has_it_and_a_lost_batch_is_asked_about",
    },
    Defence {
        against: "trap 35",
        by: "a command is one text",
        without: &[Removal {
            file: "src/portal/destroy.rs",
            code: "cmd.insert(command.key.clone(), Value::from(text));",
            becomes: r#"cmd.insert(command.key.clone(), json!({"method": text}));"#,
        }],
        test: "traps::batch::trap_35_every_command_is_a_text_that_the_portal_executes",
    },
    Defence {
        against: "trap 36",
        by: "a method that was refused for its time is left alone until the pause is over",
        without: &[Removal {
            file: "src/run/machine.rs",
            code: "*until = (*until).max(now + *wait);",
            becomes: "*until = (*until).max(now + *wait * 0);",
        }],
        test: "traps::batch::trap_36_what_was_blocked_in_mid_batch_is_repeated_alone_and_not_before_the_pause",
    },
    Defence {
        against: "trap 37",
        by: "a batch has at most fifty commands",
        without: &[Removal {
            file: "src/portal/encode.rs",
            code: "BATCH_COMMANDS_MAX: usize = 50;",
            becomes: "BATCH_COMMANDS_MAX: usize = 60;",
        }],
        test: "traps::batch::trap_37_a_batch_never_has_more_than_fifty_commands",
    },
    Defence {
        against: "trap 38",
        by: "redirects are not followed",
        without: &[Removal {
            file: "src/portal/http.rs",
            code: "reqwest::redirect::Policy::none()",
            becomes: "reqwest::redirect::Policy::default()",
        }],
        test: "traps::transport::trap_38_a_redirect_is_not_followed_and_the_new_host_is_named",
    },
    Defence {
        against: "trap 39",
        by: "a body says that it is JSON",
        without: &[Removal {
            file: "src/portal/http.rs",
            code: r#"headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));"#,
            becomes: r#"headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/json"));"#,
        }],
        test: "traps::transport::trap_39_what_is_asked_arrives_in_full_however_the_roster_is_written",
    },
    Defence {
        against: "trap 40",
        by: "every request is counted in one bucket",
        without: &[Removal {
            file: "src/portal/connection.rs",
            code: "bucket.fill(now);",
            becomes: "",
        }],
        test: "traps::transport::trap_40_all_that_is_asked_and_sent_at_once_goes_through_one_bucket",
    },
    Defence {
        against: "trap 41",
        by: "a manual block is told from a limit that passes",
        without: &[Removal {
            file: "src/portal/code.rs",
            code: r#""OVERLOAD_LIMIT" => Class::Overload,"#,
            becomes: r#""OVERLOAD_LIMIT" => Class::QueryLimit,"#,
        }],
        test: "traps::transport::trap_41_a_manual_block_and_an_error_of_authentication_end_the_run_with_that_request",
    },
    Defence {
        against: "trap 42",
        by: "errors are told apart by their codes and never by their texts",
        without: &[Removal {
            file: "src/portal/answer.rs",
            code: "let class = code::class(&error.code);",
            becomes: r#"let class = if error.text.expose().contains("failed") { Class::Other } else { Class::Command };"#,
        }],
        test: "traps::transport::trap_42_the_language_of_the_portal_decides_nothing",
    },
    Defence {
        against: "trap 43",
        by: "an address in a text is not printed with its token",
        without: &[Removal {
            file: "src/cli/terminal.rs",
            code: "write_all(io::stderr().lock(), &safe(text));",
            becomes: "write_all(io::stderr().lock(), text);",
        }],
        test: "traps::transport::trap_43_the_token_is_in_nothing_that_anybody_can_read",
    },
    Defence {
        against: "trap 44",
        by: "the portal's clock is compared with itself",
        without: &[Removal {
            file: "src/portal/limit.rs",
            code: r#"- time.get("finish")?.as_f64()?;"#,
            becomes: "- std::time::UNIX_EPOCH.elapsed().ok()?.as_secs_f64();",
        }],
        test: "traps::transport::trap_44_dates_are_kept_as_they_come_and_the_portals_clock_is_compared_with_itself_alone",
    },
    Defence {
        against: "trap 45",
        by: "the locks are exclusive",
        without: &[Removal {
            file: "src/lock.rs",
            code: "FlockOperation::NonBlockingLockExclusive",
            becomes: "FlockOperation::NonBlockingLockShared",
        }],
        test: "traps::transport::trap_45_of_two_runs_on_a_portal_or_on_a_database_the_second_is_refused_and_asks_nothing",
    },
];
