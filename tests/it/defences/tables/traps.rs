//! The traps of section 12 of the protocol notes, by their numbers there. Number 33 is about a parameter that is never sent.

use super::{Defence, Removal};

/// Each trap, what keeps us out of it, and the test that shows it.
pub(crate) const TRAPS: &[Defence] = &[
    Defence {
        against: "trap 1",
        by: "several dismissed accounts make a row ambiguous, with all of them on record",
        without: &[Removal {
            file: "src/plan/resolve.rs",
            code: r#"_ => answer(RowState::Ambiguous, Some("several dismissed accounts fit"), None),"#,
            becomes: r"_ => answer(RowState::Matched, None, dismissed.first().map(|user| user.id)),",
        }],
        test: "traps::finding::trap_01_namesakes_are_all_reported_and_none_of_them_is_acted_on",
    },
    Defence {
        against: "trap 2",
        by: "names and e-mails are asked for by equality, and every row is compared again",
        without: &[
            Removal {
                file: "src/portal/listing.rs",
                code: r#"json!({"=EMAIL": email.expose(), ">ID": self.after})"#,
                becomes: r#"json!({"EMAIL": email.expose(), ">ID": self.after})"#,
            },
            Removal {
                file: "src/portal/listing.rs",
                code: r#"json!({"=NAME": first.expose(), "=LAST_NAME": last.expose(), ">ID": self.after})"#,
                becomes: r#"json!({"NAME": first.expose(), "LAST_NAME": last.expose(), ">ID": self.after})"#,
            },
            Removal {
                file: "src/portal/listing.rs",
                code: r#"(false, false) => Fit::Foreign("a user with another name or e-mail"),"#,
                becomes: r"(false, false) => Fit::Asked,",
            },
        ],
        test: "traps::finding::trap_02_a_name_is_never_a_pattern",
    },
    Defence {
        against: "trap 3",
        by: "a webhook that may not see e-mails is refused, and a row without the e-mail asked for ends the job",
        without: &[
            Removal {
                file: "src/cli/preflight.rs",
                code: r#"if !has(&["user", "user_basic"]) && ("#,
                becomes: r#"if !has(&["user", "user_basic", "user_brief"]) && ("#,
            },
            Removal {
                file: "src/portal/listing.rs",
                code: r#"(false, false) => Fit::Foreign("a user with another name or e-mail"),"#,
                becomes: r"(false, false) => Fit::Asked,",
            },
        ],
        test: "traps::finding::trap_03_nobody_is_identified_by_an_e_mail_that_the_portal_does_not_look_at_or_show",
    },
    Defence {
        against: "trap 4",
        by: "a blank cell is no key, and a blank question is not sent",
        without: &[
            Removal {
                file: "src/roster/rows.rs",
                code: r".zip(columns).filter(|(cell, _)| !is_blank(cell)) {",
                becomes: r".zip(columns) {",
            },
            Removal {
                file: "src/portal/listing.rs",
                code: r"if is_blank {",
                becomes: r"if false {",
            },
        ],
        test: "traps::finding::trap_04_an_empty_cell_never_reaches_a_filter",
    },
    Defence {
        against: "trap 5",
        by: "both active and dismissed people are asked for, and each row itself says which it is",
        without: &[Removal {
            file: "src/plan/resolve.rs",
            code: r"candidates.values().copied().filter(|user| !user.active).collect();",
            becomes: r"candidates.values().copied().collect();",
        }],
        test: "traps::finding::trap_05_whoever_the_portal_shows_as_active_is_left_alone_and_the_filter_does_not_decide_that",
    },
    Defence {
        against: "trap 6",
        by: "a dismissed account beside an active one makes a row ambiguous",
        without: &[Removal {
            file: "src/plan/resolve.rs",
            code: r#"([_], _) => answer(RowState::Ambiguous, Some("a dismissed and an active account fit"), None),"#,
            becomes: r"([user], _) => answer(RowState::Matched, None, Some(user.id)),",
        }],
        test: "traps::finding::trap_06_of_somebody_with_a_dismissed_and_an_active_account_only_an_id_says_which_one_is_meant",
    },
    Defence {
        against: "trap 7",
        by: "every question has ADMIN_MODE, and an id is asked for by the literal key ID",
        without: &[
            Removal {
                file: "src/portal/listing.rs",
                code: r#""ADMIN_MODE": true,"#,
                becomes: "",
            },
            Removal {
                file: "src/portal/listing.rs",
                code: r#"UserQuery::Id(id) => json!({"ID": id}),"#,
                becomes: r#"UserQuery::Id(id) => json!({"=ID": id}),"#,
            },
        ],
        test: "traps::finding::trap_07_people_in_no_department_are_found_where_the_portal_lets_them_be_found",
    },
    Defence {
        against: "trap 8",
        by: "an id of the roster is digits and nothing else",
        without: &[
            Removal {
                file: "src/roster/rows.rs",
                code: r"if !text.bytes().all(|byte| byte.is_ascii_digit()) {",
                becomes: r"if text.is_empty() {",
            },
            Removal {
                file: "src/roster/rows.rs",
                code: r"match text.parse() {",
                becomes: r"match text.chars().take_while(char::is_ascii_digit).collect::<String>().parse() {",
            },
        ],
        test: "traps::finding::trap_08_an_id_is_digits_or_an_error_and_never_what_a_cast_makes_of_it",
    },
    Defence {
        against: "trap 9",
        by: "users are asked for in the order of their ids, and ids that do not rise end the job",
        without: &[
            Removal {
                file: "src/portal/listing.rs",
                code: r#""SORT": "ID","#,
                becomes: "",
            },
            Removal {
                file: "src/portal/listing.rs",
                code: r"if user.id <= self.after {",
                becomes: r"if false {",
            },
        ],
        test: "traps::finding::trap_09_users_are_asked_for_in_an_order_where_the_portal_has_none_of_its_own",
    },
    Defence {
        against: "trap 10",
        by: "the webhook's owner is protected, and active as well",
        without: &[
            Removal {
                file: "src/plan/resolve.rs",
                code: r"if user.id == untouchable.owner {",
                becomes: r"if false {",
            },
            Removal {
                file: "src/plan/resolve.rs",
                code: r"candidates.values().copied().filter(|user| !user.active).collect();",
                becomes: r"candidates.values().copied().collect();",
            },
        ],
        test: "traps::finding::trap_10_the_webhooks_owner_is_never_a_target",
    },
    Defence {
        against: "trap 11",
        by: "every task listed is the task of whoever was asked for",
        without: &[Removal {
            file: "src/portal/listing.rs",
            code: r"if task.user != self.user {",
            becomes: r"if false {",
        }],
        test: "traps::listing::trap_11_a_list_that_is_not_about_the_person_asked_for_stops_the_job",
    },
    Defence {
        against: "trap 12",
        by: "an offset is sent as `start`, and a first page that comes again ends the job",
        without: &[
            Removal {
                file: "src/portal/listing.rs",
                code: r#""start": start,"#,
                becomes: r#""START": start,"#,
            },
            Removal {
                file: "src/portal/listing.rs",
                code: r"if self.stands_still(&task, answered) {",
                becomes: r"if false {",
            },
        ],
        test: "traps::listing::trap_12_pages_are_followed_by_the_portals_word_and_a_first_page_that_comes_again_stops_the_job",
    },
    Defence {
        against: "trap 13",
        by: "a list that was not counted ends with a short page, whatever its total",
        without: &[Removal {
            file: "src/portal/listing.rs",
            code: r"self.complete = rows.len() < PAGE_ROWS;",
            becomes: r"self.complete = rows.len() < PAGE_ROWS || answered.total == Some(0);",
        }],
        test: "traps::listing::trap_13_a_total_of_zero_that_was_not_counted_is_not_none",
    },
    Defence {
        against: "trap 14",
        by: "all pages are read into the plan before anything is sent, and none afterwards",
        without: &[Removal {
            file: "src/portal/listing.rs",
            code: r"self.complete = rows.len() < PAGE_ROWS;",
            becomes: r"self.complete = true;",
        }],
        test: "traps::listing::trap_14_what_is_listed_is_frozen_and_no_page_is_read_while_workflows_go",
    },
    Defence {
        against: "trap 15",
        by: "tasks are asked for by USER_STATUS too, every row is compared again, and only who has not answered waits",
        without: &[
            Removal {
                file: "src/portal/listing.rs",
                code: r#"{"USER_ID": self.user, "STATUS": 0, "USER_STATUS": 0, ">ID": self.after}"#,
                becomes: r#"{"USER_ID": self.user, "STATUS": 0, ">ID": self.after}"#,
            },
            Removal {
                file: "src/portal/listing.rs",
                code: r"if !is_waiting(&task) {",
                becomes: r"if task.status != 0 {",
            },
            Removal {
                file: "src/journal/view.rs",
                code: r"workflow = ?2 AND status = 0 AND user_status = 0 ORDER BY user",
                becomes: r"workflow = ?2 AND status = 0 ORDER BY user",
            },
        ],
        test: "traps::listing::trap_15_a_task_that_still_runs_does_not_wait_for_somebody_who_has_answered_it",
    },
    Defence {
        against: "trap 16",
        by: "a workflow has one action, for everybody of the roster who waits in it",
        without: &[Removal {
            file: "src/plan/mod.rs",
            code: r"match freezing.take(&found)? {",
            becomes: r"for one in found.waiting.clone() { let alone = Found { view: found.view.clone(), waiting: vec![one], emails: BTreeMap::new(), is_claimed: found.is_claimed }; if let Some(action) = freezing.take(&alone)? { take(Event::ActionPlanned(action))?; } } match freezing.take(&Found { waiting: Vec::new(), ..found })? {",
        }],
        test: "traps::listing::trap_16_a_workflow_that_waits_for_two_of_the_roster_is_ended_once_and_credited_to_both",
    },
    Defence {
        against: "trap 17",
        by: "a number is read from a text as well as from a number",
        without: &[Removal {
            file: "src/portal/decode.rs",
            code: r"Value::String(digits) if is_digits(digits.strip_prefix('-').unwrap_or(digits)) => digits.parse().ok(),",
            becomes: "",
        }],
        test: "traps::listing::trap_17_numbers_are_numbers_whether_they_come_as_texts_or_not",
    },
    Defence {
        against: "trap 18",
        by: "shortly before it is sent each action is looked at again: who waits, and for whom",
        without: &[
            Removal {
                file: "src/run/recheck.rs",
                code: r"} else if ours.is_empty() {",
                becomes: r"} else if false {",
            },
            Removal {
                file: "src/run/recheck.rs",
                code: r"} else if !seen.waiting.is_subset(&action.participants) {",
                becomes: r"} else if false {",
            },
        ],
        test: "traps::listing::trap_18_what_was_delegated_or_finished_after_the_plan_is_not_ended",
    },
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
            code: "kinds.contains(&ActionKind::Kill)",
            becomes: "kinds.contains(&ActionKind::Terminate)",
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
            code: "if !found.view.running {",
            becomes: "if !found.view.running && people.is_empty() {",
        }],
        test: "traps::killing::trap_25_orphans_are_reported_and_left_and_the_job_ends",
    },
    Defence {
        against: "trap 26",
        by: "the plan begins with what may run robots, with module and document",
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
                code: "let sent = self.destroyer.send(&destroy(&commands, status), &look).await;",
                becomes: "let sent = self.destroyer.send(&destroy(&commands, status), &look).await;\n        recorder.record(late)?;",
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
