//! Several portals, what is said about settings, and what programs read.

use super::{Defence, Removal};

/// Each of them, what it rests on, and the test that shows it.
pub(crate) const REACH: &[Defence] = &[
    Defence {
        against: "profile: another portal's webhook, left in the environment",
        by: "a webhook that leads elsewhere than to the portal that was named is refused",
        without: &[Removal {
            file: "src/cli/settings.rs",
            code: "        check_portal(common, &webhook, &place.origin)?;",
            becomes: "        drop(check_portal(common, &webhook, &place.origin));",
        }],
        test: "profiles::a_webhook_of_another_portal_in_the_environment_is_refused",
    },
    Defence {
        against: "profile: a webhook that everybody can read",
        by: "the file that the configuration names has to be private",
        without: &[Removal {
            file: "src/cli/settings.rs",
            code: "            check_private(path, mode, &place.origin)?;",
            becomes: "            drop(check_private(path, mode, &place.origin));",
        }],
        test: "profiles::a_webhook_that_everybody_can_read_or_that_stands_in_the_file_is_refused",
    },
    Defence {
        against: "profile: a mistyped key",
        by: "a key that is not known is a mistake",
        without: &[Removal {
            file: "src/cli/profile.rs",
            code: "                    self.mistake(key_start, what);",
            becomes: "                    drop(what);",
        }],
        test: "profiles::a_mistake_anywhere_in_the_file_is_told_with_its_line_and_nothing_is_asked",
    },
    Defence {
        against: "profile: a demonstration that looks at the configuration",
        by: "what asks no portal and opens no database ignores the file",
        without: &[Removal {
            file: "src/cli/settings.rs",
            code: "            Self::Demo { .. } | Self::Sandbox(_)",
            becomes: "            Self::Sandbox(_)",
        }],
        test: "profiles::without_a_name_the_file_says_nothing_and_the_demonstration_never_looks",
    },
    Defence {
        against: "profile: a file that counts before the environment",
        by: "the first of flag, environment, file and default",
        without: &[Removal {
            file: "src/cli/settings.rs",
            code: "            .or_else(|| Chosen::by_environment(\"OFFBOARD24_DB\"))\n            .or_else(|| self.profile.db.clone())",
            becomes: "            .or_else(|| self.profile.db.clone())\n            .or_else(|| Chosen::by_environment(\"OFFBOARD24_DB\"))",
        }],
        test: "profiles::flag_before_environment_before_file_before_default",
    },
    Defence {
        against: "profile: a webhook where a file was meant, shown by config explain",
        by: "what looks like a webhook is shown without its token",
        without: &[Removal {
            file: "src/cli/config.rs",
            code: "Some(without_token(&chosen.value))",
            becomes: "Some(chosen.value).filter(|_| without_token(\"\").is_empty())",
        }],
        test: "profiles::what_looks_like_a_webhook_is_not_shown",
    },
    Defence {
        against: "profile: a policy of the file that is not used",
        by: "plan and run take the policy from the file where no flag names one",
        without: &[Removal {
            file: "src/cli/settings.rs",
            code: "            .or_else(|| self.profile.policy.clone())",
            becomes: "",
        }],
        test: "profiles::a_policy_that_the_file_names_holds_for_plan_and_run",
    },
    Defence {
        against: "manual: a text that the formatter takes for a request",
        by: "the first character of a line is told apart",
        without: &[Removal {
            file: "src/cli/man.rs",
            code: "text.starts_with(['.', '\\''])",
            becomes: "text.starts_with(['.'])",
        }],
        test: "lib cli::man::tests::no_line_of_a_text_is_a_request_to_the_formatter",
    },
    Defence {
        against: "json: a field that no schema has",
        by: "every output of the tests is held against its schema",
        without: &[Removal {
            file: "src/cli/jobs.rs",
            code: "json!({ \"jobs\":",
            becomes: "json!({ \"colour\": 1, \"jobs\":",
        }],
        test: "schemas::a_new_field_a_lost_field_and_another_type_do_not_fit",
    },
    Defence {
        against: "packaging: a job that is begun twice",
        by: "a database with a job in it is resumed",
        without: &[Removal {
            file: "packaging/begin-or-resume",
            code: "0) exec offboard24 resume ;;",
            becomes: "0) exec offboard24 run \"$@\" ;;",
        }],
        test: "packaging::what_is_begun_again_begins_once_and_is_resumed_then",
    },
    Defence {
        against: "packaging: a retry of what would come out the same",
        by: "the cluster fails the job at these exit codes",
        without: &[Removal {
            file: "packaging/kubernetes/job.yaml",
            code: "values: [1, 2, 3, 4, 5, 6, 7, 11, 130]",
            becomes: "values: [1, 2, 3, 4, 5, 7, 11, 130]",
        }],
        test: "packaging::a_cluster_and_a_service_know_every_exit_code",
    },
];
