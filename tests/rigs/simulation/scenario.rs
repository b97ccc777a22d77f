//! What a seed stands for: people, workflows, and what goes wrong when. All of it is written out, so that it can be shrunk and kept.

use serde::{Deserialize, Serialize};

use crate::random::Random;

/// The first number of people who were dismissed; below are colleagues.
pub(super) const DISMISSED_FROM: u32 = 101;

/// The webhook's owner.
pub(super) const OWNER: u32 = 1;

/// Colleagues who still work here.
pub(super) const COLLEAGUES: [u32; 4] = [2, 3, 4, 5];

/// A row of the roster.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Person {
    pub(super) user: u32,
    pub(super) kill: bool,
    /// Whether the roster names the e-mail instead of the number.
    pub(super) by_email: bool,
    /// The roster has an e-mail that the portal has no longer: nobody is found, until a person says who it is.
    #[serde(default)]
    pub(super) moved: bool,
}

/// A workflow that somebody waits in.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Workflow {
    pub(super) number: u32,
    pub(super) waiting: Vec<u32>,
    pub(super) started_by: u32,
    /// Answers with an error, whatever is done to it.
    pub(super) refuses: bool,
    /// Answers with `true` and goes on.
    pub(super) survives: bool,
}

/// Something that goes wrong, once.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Fault {
    pub(super) when: When,
    pub(super) what: What,
}

/// The moment of a fault: the n-th of something, from 0.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) enum When {
    /// A request that destroys.
    Destroy(u32),
    /// A request that asks.
    Read(u32),
    /// Any request.
    Request(u32),
    /// A moment at which the program waits for something.
    Await(u32),
    /// A passage of a crash point of the program.
    Point(u8, u32),
}

/// What goes wrong. Times are milliseconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) enum What {
    /// There is no connection.
    NotConnected,
    /// The request never arrives; the sender learns nothing until then.
    Lost(u64),
    /// The answer never arrives.
    AnswerLost(u64),
    /// The request arrives only now; the sender has given up before.
    Late(u64),
    /// The request is delivered twice; the sender hears the answer to the first (1), to the second (2), or none (0).
    Twice(u64, u8),
    /// The answer breaks off below HTTP, or is longer than any real one.
    BrokenOff,
    /// The answer ends after so many of a thousand parts, and HTTP does not notice.
    Cut(u32),
    /// The portal dies after so many commands, in the middle of the next one (`half`), and says so with a page (`page`).
    Dies { after: u32, half: bool, page: bool },
    /// Something else than an answer.
    Page { status: u16, body: u8, executed: bool },
    /// An error of the whole request.
    Error { status: u16, code: String, executed: bool },
    /// The portal has moved.
    Redirect,
    /// Every command takes so long.
    Slow(u64),
    /// One command of a batch, by its place.
    Command(u32, Said),
    /// Maps in PHP's other shapes, and keys that nobody asked for.
    Shapes,
    /// Another person ends the workflow.
    Ends(u32),
    /// Another person answers for one of those who wait.
    Answers(u32),
    /// Somebody is added to those who wait.
    Joins(u32, u32),
    /// Somebody is hired again.
    Rehired(u32),
    /// Somebody is dismissed.
    Dismissed(u32),
    /// The workflow refuses from now on, or no longer.
    Refuses(u32),
    /// The process is killed; the machine starts anew, too.
    Crash { reboot: bool },
    /// SIGINT.
    Signal,
    /// Somebody types `offboard24 stop`.
    Stop,
    /// The wall clock is set.
    ClockSet(i64),
}

/// What goes wrong with one command.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) enum Said {
    /// An error from inside, in the portal's language; nothing was done.
    Refused(String),
    /// This command and all after it are not executed.
    Limit(String),
    /// Neither a result nor an error.
    Nothing { executed: bool },
    /// A result that is not what it should be.
    Odd { value: u8, executed: bool },
    /// A result and an error.
    Both { executed: bool },
    /// A kill that got as far as the instance, and then failed.
    Half,
    /// The rows of somebody else: a condition was dropped.
    Foreign,
    /// Rows without what names them.
    Nameless,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Scenario {
    /// Decides how long things take.
    pub(super) chance: u64,
    /// Whether the job is begun with `run` instead of `plan` and `apply`.
    pub(super) run: bool,
    /// Whether requests are paced.
    pub(super) paced: bool,
    pub(super) people: Vec<Person>,
    /// How many of the last people are in a second roster, planned when the first job has begun.
    pub(super) second: usize,
    pub(super) workflows: Vec<Workflow>,
    /// How often what failed is tried once more.
    pub(super) retries: u32,
    /// How often something is decided about a plan before it is confirmed.
    #[serde(default)]
    pub(super) decisions: u32,
    /// Whether a second person has to approve a plan.
    #[serde(default)]
    pub(super) approval: bool,
    pub(super) faults: Vec<Fault>,
}

impl Scenario {
    /// What a seed stands for, with so many workflows.
    pub(super) fn of(seed: u64, actions: u32) -> Self {
        let mut random = Random::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ u64::from(actions));
        let mut people = Vec::new();
        let kinds = random.pick(&[1000, 0, 500]);
        let emails = random.pick(&[0, 0, 300]);
        for number in 0..=actions / 3 {
            people.push(Person {
                user: DISMISSED_FROM + number,
                kill: random.chance(kinds),
                by_email: random.chance(emails),
                moved: false,
            });
        }
        let stubborn = random.pick(&[0, 0, 30, 200]);
        let shared = random.pick(&[0, 0, 100]);
        let workflows = (1..=actions)
            .map(|number| {
                let mut waiting = vec![people[random.below(people.len())].user];
                if random.chance(150) {
                    waiting.push(people[random.below(people.len())].user);
                }
                if random.chance(shared) {
                    waiting.push(random.pick(&COLLEAGUES));
                }
                waiting.sort_unstable();
                waiting.dedup();
                Workflow {
                    number,
                    waiting,
                    started_by: if random.chance(500) {
                        random.pick(&COLLEAGUES)
                    } else {
                        people[0].user
                    },
                    refuses: random.chance(stubborn),
                    survives: random.chance(stubborn),
                }
            })
            .collect();
        // Of another series: what the others mean stays.
        let mut later = Random::new(!seed);
        let decisions = later.pick(&[0, 0, 0, 1, 2]);
        let approval = later.chance(250);
        let moved = later.pick(&[0, 0, 150]);
        for person in &mut people {
            person.moved = later.chance(moved);
        }
        let second = if random.chance(250) {
            1 + random.below(people.len())
        } else {
            0
        };
        let mut scenario = Self {
            chance: random.next(),
            run: random.chance(300),
            paced: random.chance(300),
            people,
            second,
            workflows,
            retries: random.pick(&[0, 0, 1, 2]),
            decisions,
            approval,
            faults: Vec::new(),
        };
        let faults = random.pick(&[0, 3, 6, 12, 24]);
        // Each seed has a taste of its own, so that rare things also come in clusters.
        let tastes: Vec<u32> = (0..5).map(|_| random.pick(&[0, 1, 1, 4])).collect();
        for _ in 0..faults {
            if let Some(fault) = scenario.fault(&mut random, &tastes, actions) {
                scenario.faults.push(fault);
            }
        }
        scenario
    }

    fn fault(&self, random: &mut Random, tastes: &[u32], actions: u32) -> Option<Fault> {
        let total: u32 = tastes.iter().sum();
        if total == 0 {
            return None;
        }
        let mut at = random.below_u32(total);
        let taste = tastes.iter().position(|weight| {
            let here = at < *weight;
            at = at.saturating_sub(*weight);
            here
        })?;
        Some(match taste {
            0 => Fault {
                when: When::Destroy(random.below_u32(8 + actions / 6)),
                what: on_destroying(random),
            },
            1 => Fault {
                when: When::Read(random.below_u32(40 + actions)),
                what: on_asking(random),
            },
            2 => Fault {
                when: When::Request(random.below_u32(40 + actions)),
                what: self.by_others(random, actions),
            },
            3 => Fault {
                when: if random.chance(500) {
                    When::Await(random.below_u32(150 + 4 * actions))
                } else {
                    When::Point(1 + u8::try_from(random.below(17)).ok()?, random.below_u32(6))
                },
                what: What::Crash {
                    reboot: random.chance(200),
                },
            },
            _ => Fault {
                when: When::Await(random.below_u32(150 + 4 * actions)),
                what: match random.below(4) {
                    0 => What::Signal,
                    1 => What::Stop,
                    _ => What::ClockSet(random.pick(&[-7_200_000, -90_000, -1, 5_000, 3_600_000])),
                },
            },
        })
    }

    fn by_others(&self, random: &mut Random, actions: u32) -> What {
        let workflow = 1 + random.below_u32(actions);
        let somebody = if random.chance(500) {
            random.pick(&COLLEAGUES)
        } else {
            self.people[random.below(self.people.len())].user
        };
        match random.below(8) {
            0..=2 => What::Ends(workflow),
            3 => What::Answers(workflow),
            4 => What::Joins(workflow, somebody),
            5 => What::Rehired(self.people[random.below(self.people.len())].user),
            6 => What::Dismissed(self.people[random.below(self.people.len())].user),
            _ => What::Refuses(workflow),
        }
    }

    /// The rows of the roster of the first job, or of the second.
    pub(super) fn rows(&self, second: bool) -> &[Person] {
        let from = if second {
            self.people.len().saturating_sub(self.second)
        } else {
            0
        };
        &self.people[from..]
    }

    /// The roster of the first job, or of the second.
    pub(super) fn roster(&self, second: bool) -> String {
        let rows: Vec<String> = self
            .rows(second)
            .iter()
            .map(|person| {
                let (id, email) = if person.moved {
                    (String::new(), format!("before.{}", email(person.user)))
                } else if person.by_email {
                    (String::new(), email(person.user))
                } else {
                    (person.user.to_string(), String::new())
                };
                format!("{id},{email},{}", if person.kill { "kill" } else { "terminate" })
            })
            .collect();
        format!("id,email,action\n{}\n", rows.join("\n"))
    }

    /// One step smaller, in every way: what a shrinking tries, in order.
    pub(super) fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for size in [self.faults.len() / 2, self.faults.len() / 4, 1] {
            for from in (0..self.faults.len()).step_by(size.max(1)) {
                let mut less = self.clone();
                less.faults.drain(from..(from + size.max(1)).min(self.faults.len()));
                all.push(less);
            }
        }
        for size in [self.workflows.len() / 2, self.workflows.len() / 4, 1] {
            for from in (0..self.workflows.len()).step_by(size.max(1)) {
                let mut less = self.clone();
                less.workflows
                    .drain(from..(from + size.max(1)).min(self.workflows.len()));
                all.push(less);
            }
        }
        for (index, person) in self.people.iter().enumerate() {
            let is_needed = self
                .workflows
                .iter()
                .any(|workflow| workflow.waiting.contains(&person.user));
            if !is_needed && self.people.len() > 1 && self.second == 0 {
                let mut less = self.clone();
                less.people.remove(index);
                all.push(less);
            }
        }
        let simpler = [
            Self {
                second: 0,
                ..self.clone()
            },
            Self {
                retries: 0,
                ..self.clone()
            },
            Self {
                decisions: 0,
                ..self.clone()
            },
            Self {
                approval: false,
                ..self.clone()
            },
            Self {
                people: self
                    .people
                    .iter()
                    .map(|person| Person {
                        moved: false,
                        ..*person
                    })
                    .collect(),
                ..self.clone()
            },
            Self {
                run: false,
                ..self.clone()
            },
            Self {
                paced: false,
                ..self.clone()
            },
        ];
        let simple = |scenario: &Self| {
            (
                scenario.second,
                scenario.retries,
                scenario.decisions,
                scenario.approval,
                scenario.people.iter().any(|person| person.moved),
                scenario.run,
                scenario.paced,
            )
        };
        let differs = |other: &Self| simple(other) != simple(self);
        all.extend(simpler.into_iter().filter(differs));
        all
    }
}

/// The e-mail of a user.
pub(super) fn email(user: u32) -> String {
    format!("user_{user}@example.com")
}

/// Errors that say that nothing was executed.
const NOT_EXECUTED: [(u16, &str); 7] = [
    (503, "QUERY_LIMIT_EXCEEDED"),
    (503, "QUERY_LIMIT_EXCEEDED"),
    (429, "OPERATION_TIME_LIMIT"),
    (503, "OVERLOAD_LIMIT"),
    (401, "expired_token"),
    (403, "ACCESS_DENIED"),
    (401, "NO_AUTH_FOUND"),
];

fn on_any(random: &mut Random) -> What {
    match random.below(12) {
        0 => What::NotConnected,
        1 => What::Lost(random.pick(&[5, 3_000, 65_000])),
        2 | 3 => What::AnswerLost(random.pick(&[5, 3_000, 65_000])),
        4 | 5 => What::BrokenOff,
        6 => What::Cut(random.below_u32(1000)),
        7 | 8 => What::Page {
            status: random.pick(&[200, 200, 403, 500, 502, 503, 504]),
            body: u8::try_from(random.below(6)).unwrap_or_default(),
            executed: random.chance(500),
        },
        9 => {
            let (status, code) = random.pick(&NOT_EXECUTED);
            What::Error {
                status,
                code: code.to_owned(),
                executed: false,
            }
        }
        10 => What::Error {
            status: 500,
            code: "INTERNAL_SERVER_ERROR".to_owned(),
            executed: random.chance(500),
        },
        _ => random_shape(random),
    }
}

fn random_shape(random: &mut Random) -> What {
    if random.chance(250) {
        What::Redirect
    } else {
        What::Shapes
    }
}

fn on_destroying(random: &mut Random) -> What {
    let command = random.below_u32(20);
    let executed = random.chance(500);
    match random.below(20) {
        0..=5 => on_any(random),
        6..=8 => What::Late(random.pick(&[2_000, 30_000, 63_000, 74_000])),
        9 | 10 => What::Twice(
            random.pick(&[1, 500, 20_000]),
            u8::try_from(random.below(3)).unwrap_or_default(),
        ),
        11 | 12 => What::Dies {
            after: random.below_u32(8),
            half: random.chance(500),
            page: random.chance(500),
        },
        13 => What::Slow(random.pick(&[1_000, 6_000, 15_000, 59_000])),
        14 => What::Command(
            command,
            Said::Refused(random.pick(&["", "ERROR_CORE", "ERROR_UNKNOWN"]).to_owned()),
        ),
        15 => What::Command(
            command,
            Said::Limit(
                random
                    .pick(&["OPERATION_TIME_LIMIT", "QUERY_LIMIT_EXCEEDED", "ACCESS_DENIED"])
                    .to_owned(),
            ),
        ),
        16 | 17 => What::Command(command, Said::Nothing { executed }),
        18 => What::Command(
            command,
            Said::Odd {
                value: u8::try_from(random.below(5)).unwrap_or_default(),
                executed,
            },
        ),
        _ => What::Command(
            command,
            if random.chance(500) {
                Said::Half
            } else {
                Said::Both { executed }
            },
        ),
    }
}

fn on_asking(random: &mut Random) -> What {
    let command = random.below_u32(20);
    match random.below(10) {
        0..=4 => on_any(random),
        5 => What::Slow(random.pick(&[100, 1_000, 3_000, 61_000])),
        6 => What::Command(command, Said::Nothing { executed: false }),
        7 => What::Command(command, Said::Foreign),
        8 => What::Command(
            command,
            Said::Odd {
                value: u8::try_from(random.below(5)).unwrap_or_default(),
                executed: false,
            },
        ),
        _ => What::Command(
            command,
            match random.below(4) {
                0 => Said::Nameless,
                1 => Said::Refused("ERROR_CORE".to_owned()),
                2 => Said::Both { executed: false },
                _ => Said::Limit("OPERATION_TIME_LIMIT".to_owned()),
            },
        ),
    }
}
