//! The portal as far as the engine can see it, and everybody else who works on it.
//!
//! A request that goes unanswered may take effect up to 75 s after its first byte. What happens is decided by chance, how often by
//! the [`Weather`], which differs from seed to seed, so that rare things also come in clusters.
//!
//! It keeps what the auditor needs to know better than the engine: which effects there were and whose, to what it said `true`, and what
//! it last showed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use offboard24::domain::{ActionKind, StopReason, UserId, WorkflowId};
use offboard24::personal::Personal;
use offboard24::portal::{Answer, Doubt, Method, NotExecuted};
use offboard24::run::machine::Key;
use offboard24::run::recheck::Sighting;

use super::random::Random;

/// Until when after the first byte an unanswered request can take effect.
const EFFECT_MS_MAX: u64 = 75_000;

/// How long the client tries to connect.
const CONNECT_MS_MAX: u64 = 10_000;

/// People who still work here; those with higher numbers are dismissed at first.
pub(super) const COLLEAGUES: u32 = 6;

/// All people.
pub(super) const PEOPLE: u32 = 16;

/// How often what happens, of a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    not_connected: u32,
    query_limit: u32,
    batch_blocked: u32,
    /// Authentication or the manual block.
    locked_out: u32,
    never_arrives: u32,
    answer_lost: u32,
    delayed: u32,
    dies_midway: u32,
    twice: u32,
    refused: u32,
    odd_answer: u32,
    limit_inside: u32,
    slow_connect: u32,
    slow_read: u32,
    read_fails: u32,
    pub(super) others: u32,
    slow_command: u32,
    pub(super) crash: u32,
    pub(super) stop: u32,
}

impl Weather {
    pub(super) fn any(random: &mut Random) -> Self {
        let mut often = || random.pick(&[0, 0, 0, 5, 20, 60, 250]);
        let mut weather = Self {
            not_connected: often(),
            query_limit: often(),
            batch_blocked: often(),
            locked_out: often() / 10,
            never_arrives: often(),
            answer_lost: often(),
            delayed: often(),
            dies_midway: often(),
            twice: often(),
            refused: often(),
            odd_answer: often(),
            limit_inside: often(),
            slow_connect: often(),
            slow_read: often(),
            read_fails: often() / 10,
            others: often(),
            slow_command: often(),
            crash: 0,
            stop: 0,
        };
        weather.crash = random.pick(&[0, 10, 30, 100]);
        weather.stop = random.pick(&[0, 0, 5, 30]);
        weather
    }

    /// Others still work, and people refuse to die; but every request is answered.
    pub(super) fn calm(random: &mut Random) -> Self {
        Self {
            others: random.pick(&[0, 10, 50]),
            ..Self::default()
        }
    }
}

/// A running workflow.
#[derive(Clone, Debug)]
pub(super) struct Workflow {
    pub(super) waiting: BTreeSet<UserId>,
    /// Whatever is done to it, it is answered with an error and goes on.
    pub(super) refuses: bool,
    /// Whatever is done to it, it is answered with `true` and goes on.
    pub(super) survives: bool,
}

/// One command of a request.
#[derive(Clone, Debug)]
pub(super) struct Sending {
    pub(super) key: Key,
    pub(super) attempt: u32,
    pub(super) kind: ActionKind,
    pub(super) workflow: WorkflowId,
}

/// A workflow ended by one of our commands.
#[derive(Clone, Debug)]
pub(super) struct Effect {
    pub(super) at: Duration,
    pub(super) key: Key,
    pub(super) attempt: u32,
    pub(super) workflow: WorkflowId,
}

/// What a request brought, in the words of the portal's client.
pub(super) struct Sent {
    pub(super) answers: Vec<Answer>,
    pub(super) took: Duration,
    pub(super) stop: Option<StopReason>,
}

/// What was shown of a workflow, and when that was true.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    pub(super) at: Duration,
    pub(super) listed: bool,
}

/// What a re-check showed, and when its first question was sent.
#[derive(Clone, Debug)]
pub(super) struct Looked {
    pub(super) began: Duration,
    pub(super) sighting: Sighting,
}

/// No answer to a question, and why the run has to stop for it.
pub(super) struct Unreadable(pub(super) StopReason);

pub(super) struct World {
    pub(super) now: Duration,
    pub(super) random: Random,
    pub(super) weather: Weather,
    running: BTreeMap<WorkflowId, Workflow>,
    dismissed: BTreeSet<UserId>,
    under_way: Vec<(Duration, Sending)>,
    pub(super) effects: Vec<Effect>,
    pub(super) said_true: BTreeSet<(Key, u32)>,
    pub(super) shown: BTreeMap<WorkflowId, Shown>,
    pub(super) looked: BTreeMap<WorkflowId, Looked>,
    /// What this process was told to leave alone, and until when.
    pub(super) blocked: BTreeMap<Method, Duration>,
}

impl World {
    pub(super) fn new(mut random: Random, running: BTreeMap<WorkflowId, Workflow>) -> Self {
        let weather = Weather::any(&mut random);
        Self {
            now: Duration::from_secs(1000),
            random,
            weather,
            running,
            dismissed: (COLLEAGUES + 1..=PEOPLE).map(UserId).collect(),
            under_way: Vec::new(),
            effects: Vec::new(),
            said_true: BTreeSet::new(),
            shown: BTreeMap::new(),
            looked: BTreeMap::new(),
            blocked: BTreeMap::new(),
        }
    }

    pub(super) fn is_running(&self, workflow: &WorkflowId) -> bool {
        self.running.contains_key(workflow)
    }

    pub(super) fn crashes(&mut self) -> bool {
        self.random.chance(self.weather.crash)
    }

    /// Lets time pass: what is under way takes effect, and others work.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let next = (0..self.under_way.len())
                .filter(|index| self.under_way[*index].0 <= until)
                .min_by_key(|index| self.under_way[*index].0);
            let Some(index) = next else { break };
            let (at, sending) = self.under_way.remove(index);
            self.now = self.now.max(at);
            self.execute(&sending);
        }
        self.now = until;
        if self.random.chance(self.weather.others) {
            self.others_work();
        }
    }

    fn others_work(&mut self) {
        let ids: Vec<&WorkflowId> = self.running.keys().collect();
        if ids.is_empty() {
            return;
        }
        let id = ids[self.random.below(ids.len())].clone();
        let what = self.random.below(8);
        let is_about_somebody = matches!(what, 2 | 3 | 6 | 7);
        let somebody = UserId(if is_about_somebody {
            1 + self.random.below_u32(PEOPLE)
        } else {
            0
        });
        let Some(workflow) = self.running.get_mut(&id) else {
            return;
        };
        match what {
            0 | 1 => {
                self.running.remove(&id);
            }
            2 => {
                workflow.waiting.insert(somebody);
            }
            3 => {
                workflow.waiting.pop_last();
                workflow.waiting.insert(somebody);
            }
            4 => {
                workflow.waiting.pop_first();
            }
            5 => workflow.refuses = !workflow.refuses,
            6 => {
                self.dismissed.remove(&somebody);
            }
            _ => {
                self.dismissed.insert(somebody);
            }
        }
    }

    fn wait_for_connection(&mut self) {
        let longest_ms = if self.random.chance(self.weather.slow_connect) {
            CONNECT_MS_MAX
        } else {
            100
        };
        let time = self.random.millis(longest_ms);
        self.pass(time);
    }

    /// A request whose sender dies before any answer: it arrives, or not, or later.
    pub(super) fn send_and_die(&mut self, batch: &[Sending]) {
        let later_ms = self.random.pick(&[10, 2_000, EFFECT_MS_MAX]);
        for sending in batch {
            if self.random.chance(700) {
                self.later(sending, later_ms);
            }
        }
    }

    fn later(&mut self, sending: &Sending, longest_ms: u64) {
        let at = self.now + self.random.millis(longest_ms);
        self.under_way.push((at, sending.clone()));
    }

    /// One request.
    pub(super) fn send(&mut self, batch: &[Sending]) -> Sent {
        self.wait_for_connection();
        let began = self.now;
        let (answers, stop) = match self.refused_as_a_whole() {
            Some((why, stop)) => (vec![Answer::NotExecuted { why }; batch.len()], stop),
            None => (self.work_through(batch), None),
        };
        for (sending, answer) in batch.iter().zip(&answers) {
            if *answer == Answer::Yes {
                self.said_true.insert((sending.key, sending.attempt));
            }
            if let Answer::NotExecuted {
                why: NotExecuted::OperationLimit { blocked, wait },
            } = answer
            {
                let until = self.now + *wait;
                self.blocked.insert(*blocked, until);
            }
        }
        let took = self.now.saturating_sub(began);
        Sent { answers, took, stop }
    }

    fn refused_as_a_whole(&mut self) -> Option<(NotExecuted, Option<StopReason>)> {
        let code = || "code".to_owned();
        let weather = self.weather;
        if self.random.chance(weather.not_connected) {
            Some((NotExecuted::NotConnected, None))
        } else if self.random.chance(weather.query_limit) {
            Some((NotExecuted::QueryLimit, None))
        } else if self.random.chance(weather.batch_blocked) {
            let wait = self.random.millis(300_000);
            Some((
                NotExecuted::OperationLimit {
                    blocked: Method::Batch,
                    wait,
                },
                None,
            ))
        } else if self.random.chance(weather.locked_out) {
            let why = match self.random.below(3) {
                0 => NotExecuted::Auth { code: code() },
                1 => NotExecuted::Permission { code: code() },
                _ => NotExecuted::Overload,
            };
            Some((why, Some(StopReason::Auth)))
        } else {
            None
        }
    }

    fn work_through(&mut self, batch: &[Sending]) -> Vec<Answer> {
        let weather = self.weather;
        let nothing = |why| vec![Answer::Doubt { why }; batch.len()];
        if self.random.chance(weather.never_arrives) {
            self.client_waits();
            return nothing(Doubt::NoAnswer);
        }
        if self.random.chance(weather.delayed) {
            for sending in batch {
                self.later(sending, EFFECT_MS_MAX);
            }
            self.client_waits();
            return nothing(Doubt::NoAnswer);
        }
        let worked_through = if self.random.chance(weather.dies_midway) {
            self.random.below(batch.len() + 1)
        } else {
            batch.len()
        };
        let began = self.now;
        let twice = self.random.chance(weather.twice);
        let mut answers = Vec::new();
        for round in 0..=usize::from(twice) {
            if round == 0 || self.random.chance(500) {
                answers.clear();
            }
            for sending in &batch[..worked_through] {
                let longest_ms = if self.random.chance(weather.slow_command) {
                    15_000
                } else {
                    400
                };
                let time = self.random.millis(longest_ms);
                self.pass(time);
                if self.now > began + Duration::from_mins(1) {
                    return nothing(Doubt::Status(504));
                }
                let limit = !twice && self.random.chance(weather.limit_inside);
                let answer = if limit {
                    self.limit(sending.kind)
                } else {
                    self.execute(sending)
                };
                if answers.len() < worked_through {
                    answers.push(answer);
                }
            }
        }
        let lost = self.random.chance(weather.answer_lost);
        if !lost && worked_through == batch.len() {
            return answers;
        }
        match self.random.below(4) {
            0 => nothing(Doubt::NoAnswer),
            1 => nothing(Doubt::Truncated),
            2 => nothing(Doubt::NotJson),
            _ => nothing(Doubt::Status(502)),
        }
    }

    /// A command that the portal does not begin. Never of a request that arrives twice: then one word would stand for two.
    fn limit(&mut self, kind: ActionKind) -> Answer {
        let blocked = Method::from(kind);
        let why = match self.random.below(2) {
            0 => NotExecuted::QueryLimit,
            _ => NotExecuted::OperationLimit {
                blocked,
                wait: self.random.millis(300_000),
            },
        };
        Answer::NotExecuted { why }
    }

    /// The client gives up, or its connection ends.
    fn client_waits(&mut self) {
        let time = self.random.millis(EFFECT_MS_MAX);
        self.pass(time);
    }

    /// What one command does, and what would be answered to it.
    fn execute(&mut self, sending: &Sending) -> Answer {
        let refused = |code: &str| Answer::Refused {
            code: code.to_owned(),
            text: Personal::new("text"),
        };
        let Some(workflow) = self.running.get(&sending.workflow) else {
            return refused("");
        };
        if workflow.refuses || self.random.chance(self.weather.refused) {
            return refused("ERROR_CORE");
        }
        let survives = workflow.survives;
        let odd = self.random.chance(self.weather.odd_answer);
        let takes_effect = !survives && (!odd || self.random.chance(500));
        if takes_effect {
            self.running.remove(&sending.workflow);
            self.effects.push(Effect {
                at: self.now,
                key: sending.key,
                attempt: sending.attempt,
                workflow: sending.workflow.clone(),
            });
        }
        if odd {
            Answer::Doubt {
                why: [Doubt::NotLiteralTrue, Doubt::MissingKey, Doubt::InBothMaps][self.random.below(3)].clone(),
            }
        } else {
            Answer::Yes
        }
    }

    /// A question takes its time, before and after the moment of which it tells.
    fn read(&mut self) -> Result<(), Unreadable> {
        let longest_ms = if self.random.chance(self.weather.slow_read) {
            70_000
        } else {
            1_000
        };
        let time = self.random.millis(longest_ms);
        self.pass(time);
        if self.random.chance(self.weather.read_fails) {
            let reason = self.random.pick(&[StopReason::Limit, StopReason::Auth]);
            return Err(Unreadable(reason));
        }
        Ok(())
    }

    /// Which of these are listed.
    pub(super) fn listed(&mut self, workflows: &[WorkflowId]) -> Result<BTreeSet<WorkflowId>, Unreadable> {
        self.read()?;
        for id in workflows {
            let shown = Shown {
                at: self.now,
                listed: self.is_running(id),
            };
            self.shown.insert(id.clone(), shown);
        }
        let listed = workflows.iter().filter(|id| self.is_running(id)).cloned().collect();
        let way_back = self.random.millis(200);
        self.pass(way_back);
        Ok(listed)
    }

    /// Who waits in these, and who of them is dismissed: three questions, one after the other.
    pub(super) fn look(&mut self, workflows: &[WorkflowId]) -> Result<Vec<Sighting>, Unreadable> {
        let began = self.now;
        let listed = self.listed(workflows)?;
        self.read()?;
        let waiting: Vec<BTreeSet<UserId>> = workflows
            .iter()
            .map(|id| {
                self.running
                    .get(id)
                    .map(|workflow| workflow.waiting.clone())
                    .unwrap_or_default()
            })
            .collect();
        self.read()?;
        let sightings: Vec<Sighting> = workflows
            .iter()
            .zip(waiting)
            .map(|(id, waiting)| Sighting {
                listed: listed.contains(id),
                dismissed: waiting.intersection(&self.dismissed).copied().collect(),
                waiting,
            })
            .collect();
        for (id, sighting) in workflows.iter().zip(&sightings) {
            let looked = Looked {
                began,
                sighting: sighting.clone(),
            };
            self.looked.insert(id.clone(), looked);
        }
        Ok(sightings)
    }
}
