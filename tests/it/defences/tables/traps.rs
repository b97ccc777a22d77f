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
                file: "src/cli/work.rs",
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
                code: r#""start": self.start,"#,
                becomes: r#""START": self.start,"#,
            },
            Removal {
                file: "src/portal/listing.rs",
                code: r"if self.stands_still(&task, answered.total) {",
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
                code: r"if (task.status, task.user_status) != (0, 0) {",
                becomes: r"if task.status != 0 {",
            },
            Removal {
                file: "src/journal/view.rs",
                code: r"self.status == 0 && self.user_status == 0",
                becomes: r"self.status == 0",
            },
        ],
        test: "traps::listing::trap_15_a_task_that_still_runs_does_not_wait_for_somebody_who_has_answered_it",
    },
    Defence {
        against: "trap 16",
        by: "a workflow has one action, for everybody of the roster who waits in it",
        without: &[Removal {
            file: "src/plan/freeze.rs",
            code: r"for (workflow, participants) in &waiting {",
            becomes: r"for (workflow, participants) in waiting.iter().flat_map(|(workflow, all)| all.iter().map(move |one| (workflow, BTreeSet::from([*one])))) {",
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
        against: "trap 21",
        by: "an error is told by the presence of the key `error`, whatever its value",
        without: &[Removal {
            file: "src/portal/code.rs",
            code: r#"let error = object.get("error")?;"#,
            becomes: r#"let error = object.get("error").filter(|error| **error != "")?;"#,
        }],
        test: "traps::killing::trap_21_an_error_with_an_empty_code_is_an_error",
    },
];
