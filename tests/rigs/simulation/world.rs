//! Virtual time, the network, and what goes wrong in it. One thread; whatever happens is decided by the scenario.
//!
//! Time passes only when the program waits and nothing else is left to do at this moment. Commands take effect when their time comes,
//! whether or not anybody still listens for the answer.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use offboard24::clock::{Clock, Sleep};
use offboard24::domain::StopReason;
use offboard24::portal::{Answering, Exchange, Failure, Method, Reply};
use offboard24::run::stop::Stopper;
use serde_json::{Map, Value, json};

use super::checker::{Carried, Checker};
use super::portal::{Answer, Call, Truth, calls, error, map};
use super::scenario::{Fault, Said, Scenario, What, When};
use super::store::Store;
use crate::random::Random;

/// When the client gives up.
const DEADLINE: Duration = Duration::from_secs(65);

/// When the portal cuts a request.
const CUT: Duration = Duration::from_mins(1);

/// How long after it left a request can still arrive.
const UNDER_WAY_MAX: Duration = Duration::from_secs(74);

/// Longest body that HTTP hands on.
const BODY_MAX: usize = 8 << 20;

/// What happens at a moment.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// A request arrives at the portal, for the first or the second time.
    Arrives(usize, usize),
    /// Its n-th command is executed.
    Executes(usize, usize, usize),
    /// Its sender stops waiting.
    GivesUp(usize),
}

/// What became of a command.
#[derive(Clone, Debug)]
struct Told {
    result: Option<Value>,
    error: Option<String>,
    /// Whether the answer is about what was asked, and is true.
    honest: bool,
    at: Duration,
}

struct Request {
    method: String,
    calls: Vec<Call>,
    destroys: bool,
    fault: Option<What>,
    left: Duration,
    arrived: Duration,
    told: Vec<Told>,
    /// What a second delivery is not to change: the answer to the first.
    first: Option<Vec<Told>>,
    is_over: bool,
    outcome: Option<Result<Reply, Failure>>,
    /// When the outcome reaches the sender.
    heard_at: Duration,
    /// Whether the outcome is the portal's answer, whole.
    is_whole: bool,
    /// What each command carries; none for a question.
    carried: Vec<Option<Carried>>,
}

#[derive(Default)]
struct Counts {
    destroy: u32,
    read: u32,
    request: u32,
    wait: u32,
    points: [u32; 21],
}

pub(super) struct World {
    pub(super) now: Duration,
    booted: Duration,
    wall_ms: i64,
    random: Random,
    pub(super) truth: Truth,
    requests: Vec<Request>,
    deeds: BTreeMap<(Duration, u64), Deed>,
    order: u64,
    wakes: BTreeSet<Duration>,
    /// Whoever waits for a moment or for an outcome.
    wakers: Vec<Waker>,
    faults: Vec<Fault>,
    counts: Counts,
    /// What went wrong so far, by name.
    pub(super) fired: BTreeMap<String, u32>,
    pub(super) stopper: Option<Stopper>,
    pub(super) checker: Checker,
    pub(super) store: Store,
    pub(super) broken: Option<String>,
    story: Option<Vec<String>>,
    in_flight: usize,
}

/// The world in everybody's hands.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<World>>);

/// The process dies here: what the panic carries.
pub(super) struct Killed;

impl World {
    pub(super) fn of(scenario: &Scenario, store: Store, with_story: bool) -> Self {
        Self {
            now: Duration::from_secs(1000),
            booted: Duration::ZERO,
            wall_ms: 0,
            random: Random::new(scenario.chance),
            truth: Truth::of(scenario),
            requests: Vec::new(),
            deeds: BTreeMap::new(),
            order: 0,
            wakes: BTreeSet::new(),
            wakers: Vec::new(),
            faults: scenario.faults.clone(),
            counts: Counts::default(),
            fired: BTreeMap::new(),
            stopper: None,
            checker: Checker::of(scenario),
            store,
            broken: None,
            story: with_story.then(Vec::new),
            in_flight: 0,
        }
    }

    /// Nothing goes wrong any more, and the wall clock is right again.
    pub(super) fn calms_down(&mut self) {
        self.faults.clear();
        self.wall_ms = 0;
    }

    pub(super) fn is_calm(&self) -> bool {
        self.faults.is_empty()
    }

    pub(super) fn next_random(&mut self) -> u64 {
        self.random.next()
    }

    pub(super) fn tell(&mut self, line: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(story) = &mut self.story {
            story.push(format!("{:>10.3} {}", now.as_secs_f64(), line()));
        }
    }

    pub(super) fn take_story(&mut self) -> Vec<String> {
        self.story.take().unwrap_or_default()
    }

    pub(super) fn breaks(&mut self, broken: String) {
        self.tell(|| format!("BROKEN: {broken}"));
        self.broken.get_or_insert(broken);
    }

    /// Reads what the journal has now.
    pub(super) fn sync(&mut self) {
        let news = self.checker.sync(&self.store.database(), &self.truth, self.now);
        match news {
            Ok(news) => {
                for event in news {
                    if !matches!(
                        event.kind.as_str(),
                        "row_read" | "user_recorded" | "task_recorded" | "workflow_recorded" | "row_resolved"
                    ) {
                        self.tell(|| format!("  journal: {}", event.line));
                    }
                }
            }
            Err(broken) => self.breaks(broken),
        }
    }

    fn fires(&mut self, what: &What) {
        let name = format!("{what:?}");
        let name = name.split(['(', ' ', '{']).next().unwrap_or_default().to_owned();
        self.tell(|| format!("  ! {what:?}"));
        *self.fired.entry(name).or_default() += 1;
    }

    fn fault(&mut self, when: &When) -> Option<What> {
        let index = self.faults.iter().position(|fault| fault.when == *when)?;
        let what = self.faults.remove(index).what;
        self.fires(&what);
        Some(what)
    }

    fn at(&mut self, time: Duration, deed: Deed) {
        self.order += 1;
        self.deeds.insert((time, self.order), deed);
    }

    fn millis(&mut self, longest: u64) -> Duration {
        self.random.millis(longest)
    }

    /// The program waits. Says whether it dies here, and with it the machine.
    fn passes(&mut self) -> Option<bool> {
        self.sync();
        let number = self.counts.wait;
        self.counts.wait += 1;
        let mut dies = None;
        while let Some(what) = self.fault(&When::Await(number)) {
            match what {
                What::Signal => {
                    if let Some(stopper) = &self.stopper {
                        stopper.stop(StopReason::Signal);
                    }
                }
                What::ClockSet(by) => self.wall_ms += by,
                What::Stop => {
                    let made = std::fs::write(self.store.stop_file(), "");
                    if let Err(cause) = made {
                        self.breaks(format!("the rig cannot write: {cause}"));
                    }
                }
                What::Crash { reboot } => dies = Some(reboot),
                _ => {}
            }
        }
        dies
    }

    /// The program comes by a crash point.
    fn comes_by(&mut self, index: usize) -> Option<bool> {
        let number = self.counts.points[index];
        self.counts.points[index] += 1;
        let point = u8::try_from(index + 1).unwrap_or_default();
        match self.fault(&When::Point(point, number))? {
            What::Crash { reboot } => {
                *self.fired.entry(format!("Crash at C{point}")).or_default() += 1;
                Some(reboot)
            }
            _ => None,
        }
    }

    /// The process is gone; the store is what it left.
    fn dies(&mut self, reboot: bool) {
        self.sync();
        self.checker.disconnect();
        self.tell(|| {
            format!(
                "=== killed{}",
                if reboot { ", and the machine starts anew" } else { "" }
            )
        });
        self.in_flight = 0;
        self.wakes.clear();
        self.stopper = None;
        if let Err(cause) = self.store.survives() {
            self.breaks(format!("the rig cannot copy the store: {cause}"));
        }
        if reboot {
            self.booted = self.now;
        }
    }

    /// The process has ended in order.
    pub(super) fn ends(&mut self) {
        self.sync();
        self.checker.disconnect();
        self.in_flight = 0;
        self.wakes.clear();
        self.stopper = None;
    }

    /// A request is made, and a connection sought. Says how long that takes, and whether there is one.
    fn begins(&mut self, method: Method, body: &Value) -> (usize, Duration, bool) {
        let calls = calls(method.as_str(), body);
        let destroys = calls.iter().any(|call| call.destroys().is_some());
        let number = self.counts.request;
        self.counts.request += 1;
        while let Some(what) = self.fault(&When::Request(number)) {
            self.others(&what);
        }
        let count = if destroys {
            &mut self.counts.destroy
        } else {
            &mut self.counts.read
        };
        let number = *count;
        *count += 1;
        let when = if destroys {
            When::Destroy(number)
        } else {
            When::Read(number)
        };
        let fault = self.fault(&when);
        let connect_ms = if self.random.chance(10) { 9_900 } else { 60 };
        let connect = self.millis(connect_ms);
        let is_there = !matches!(fault, Some(What::NotConnected));
        self.requests.push(Request {
            method: method.as_str().to_owned(),
            told: Vec::new(),
            first: None,
            calls,
            destroys,
            fault,
            left: Duration::ZERO,
            arrived: Duration::ZERO,
            is_over: false,
            outcome: None,
            heard_at: Duration::ZERO,
            is_whole: false,
            carried: Vec::new(),
        });
        (self.requests.len() - 1, connect, is_there)
    }

    /// What other people do meanwhile.
    fn others(&mut self, what: &What) {
        match what {
            What::Ends(workflow) => self.truth.ends(*workflow),
            What::Answers(workflow) => self.truth.answers(*workflow),
            What::Joins(workflow, user) => self.truth.joins(*workflow, *user),
            What::Rehired(user) => self.truth.set_active(*user, true),
            What::Dismissed(user) => self.truth.set_active(*user, false),
            What::Refuses(workflow) => self.truth.toggles_refusing(*workflow),
            _ => {}
        }
    }

    /// The first byte leaves.
    fn leaves(&mut self, index: usize) {
        self.sync();
        let now = self.now;
        if self.requests[index].destroys {
            let calls = self.requests[index].calls.clone();
            self.tell(|| {
                let commands: Vec<_> = calls
                    .iter()
                    .map(|call| format!("{} {}", call.key, call.destroys().unwrap_or("?")))
                    .collect();
                format!("destroying request {index}: {}", commands.join(", "))
            });
            if self.in_flight > 0 {
                self.breaks("a destroying request leaves while another is in flight".to_owned());
            }
            self.in_flight += 1;
            match self.checker.leaves(&calls, now) {
                Ok(carried) => self.requests[index].carried = carried,
                Err(broken) => self.breaks(broken),
            }
        } else {
            let (method, count) = (self.requests[index].method.clone(), self.requests[index].calls.len());
            let first = self.requests[index]
                .calls
                .first()
                .map_or("", |call| call.method.as_str())
                .to_owned();
            self.tell(|| format!("request {index}: {method}, {count} × {first}"));
        }
        let there_ms = if self.random.chance(20) { 3_000 } else { 40 };
        let there = self.millis(there_ms);
        let request = &mut self.requests[index];
        request.left = now;
        let fault = request.fault.clone();
        self.at(now + DEADLINE, Deed::GivesUp(index));
        match fault {
            Some(What::Lost(ms)) => self.at(now + Duration::from_millis(ms), Deed::GivesUp(index)),
            Some(What::Late(ms)) => {
                let late = Duration::from_millis(ms);
                self.at(now + late.min(UNDER_WAY_MAX), Deed::Arrives(index, 0));
                self.at(now + late / 2, Deed::GivesUp(index));
            }
            _ => self.at(now + there, Deed::Arrives(index, 0)),
        }
    }

    fn does(&mut self, deed: Deed) {
        match deed {
            Deed::GivesUp(index) => self.responds(index, Err(Failure::NoAnswer), false),
            Deed::Arrives(index, delivery) => self.arrives(index, delivery),
            Deed::Executes(index, delivery, number) => self.executes(index, delivery, number),
        }
    }

    /// An outcome is on its way to the sender, unless one was before.
    fn responds(&mut self, index: usize, outcome: Result<Reply, Failure>, is_whole: bool) {
        let back_ms = if self.random.chance(20) { 2_000 } else { 40 };
        let back = self.millis(back_ms);
        let now = self.now;
        let request = &mut self.requests[index];
        if request.outcome.is_none() {
            let back = if outcome.is_err() { Duration::ZERO } else { back };
            request.outcome = Some(outcome);
            request.heard_at = now + back;
            request.is_whole = is_whole;
            self.wakes.insert(now + back);
        }
    }

    fn arrives(&mut self, index: usize, delivery: usize) {
        let now = self.now;
        let request = &mut self.requests[index];
        request.arrived = now;
        request.is_over = false;
        if delivery == 1 {
            request.first = Some(std::mem::take(&mut request.told));
        }
        match request.fault.clone() {
            Some(What::Error {
                status,
                code,
                executed: false,
            }) => {
                let body = error(&code).to_string();
                self.responds(index, reply(status, body), false);
            }
            Some(What::Redirect) => {
                let moved = Reply {
                    status: 302,
                    redirect_host: Some("new.example".to_owned()),
                    body: Vec::new(),
                };
                self.responds(index, Ok(moved), false);
            }
            Some(What::Page {
                status,
                body,
                executed: false,
            }) => self.responds(index, reply(status, page(body)), false),
            _ => self.goes_on(index, delivery, 0),
        }
    }

    /// The next command takes its time.
    fn goes_on(&mut self, index: usize, delivery: usize, number: usize) {
        let request = &self.requests[index];
        let count = u32::try_from(request.calls.len()).unwrap_or(1).max(1);
        let slow = match request.fault {
            Some(What::Slow(ms)) => Duration::from_millis(ms),
            _ => Duration::ZERO,
        };
        let (left, destroys) = (request.left, request.destroys);
        let takes = if destroys {
            slow + self.millis(300)
        } else {
            // Questions are answered at one moment, after the time that all of them take.
            slow * count + self.millis(200)
        };
        // The portal works on what is late as well, but not for ever.
        let at = (self.now + takes).min((left + UNDER_WAY_MAX).max(self.now));
        self.at(at, Deed::Executes(index, delivery, number));
    }

    fn executes(&mut self, index: usize, delivery: usize, number: usize) {
        if self.requests[index].is_over {
            return;
        }
        if self.now.saturating_sub(self.requests[index].arrived) > CUT {
            self.requests[index].is_over = true;
            self.responds(index, reply(504, page(1)), false);
            return;
        }
        let count = self.requests[index].calls.len();
        if !self.requests[index].destroys {
            for number in 0..count {
                let told = self.answers(index, number);
                self.requests[index].told.push(told);
            }
            self.answers_all(index, delivery);
        } else if number < count {
            if let Some(What::Dies {
                after,
                half,
                page: with_page,
            }) = self.requests[index].fault
                && number == (after as usize).min(count - 1)
            {
                self.portal_dies(index, number, half, with_page);
                return;
            }
            let told = if self.requests[index].calls[number].destroys().is_some() {
                self.destroys(index, number)
            } else {
                self.answers(index, number)
            };
            self.requests[index].told.push(told);
            if number + 1 < count {
                self.goes_on(index, delivery, number + 1);
            } else {
                self.answers_all(index, delivery);
            }
        }
    }

    fn portal_dies(&mut self, index: usize, number: usize, half: bool, with_page: bool) {
        let call = self.requests[index].calls[number].clone();
        if half && let Some(id) = call.destroys() {
            let ended = self.truth.half_kills(id);
            self.takes_effect(index, number, ended);
        }
        self.requests[index].is_over = true;
        let outcome = if with_page {
            reply(502, page(1))
        } else {
            Err(Failure::NoAnswer)
        };
        self.responds(index, outcome, false);
    }

    fn takes_effect(&mut self, index: usize, number: usize, ended: bool) {
        if !ended {
            return;
        }
        let call = self.requests[index].calls[number].clone();
        self.tell(|| {
            format!(
                "  effect: {} of request {index} ends {}",
                call.key,
                call.destroys().unwrap_or_default()
            )
        });
        if let Some(carried) = self.requests[index].carried.get(number).copied().flatten()
            && let Err(broken) = self.checker.takes_effect(carried, self.now)
        {
            self.breaks(broken);
        }
    }

    /// Executes one destroying command.
    fn destroys(&mut self, index: usize, number: usize) -> Told {
        let call = self.requests[index].calls[number].clone();
        let said = self.said_of(index, number);
        let executes = match &said {
            Some(Said::Refused(_) | Said::Limit(_)) => false,
            Some(Said::Nothing { executed } | Said::Odd { executed, .. } | Said::Both { executed }) => *executed,
            Some(Said::Half) => {
                let id = call.destroys().unwrap_or_default().to_owned();
                let ended = self.truth.half_kills(&id);
                self.takes_effect(index, number, ended);
                false
            }
            _ => true,
        };
        let mut answer = Answer::Error(String::new());
        if executes {
            let (said, ended) = self.truth.destroy(&call);
            answer = said;
            self.takes_effect(index, number, ended);
        }
        self.told(said, answer)
    }

    /// Answers one question.
    fn answers(&mut self, index: usize, number: usize) -> Told {
        let call = self.requests[index].calls[number].clone();
        let clock = self.true_time().to_rfc3339();
        let answer = self.truth.read(&call, &clock);
        let said = self.said_of(index, number);
        let plain = match &answer {
            Answer::Result(result) => Some(result.clone()),
            Answer::Error(_) => None,
        };
        let mut told = self.told(said.clone(), answer);
        match said {
            Some(Said::Foreign) => told.result = Some(Truth::foreign(&call.method)),
            Some(Said::Nameless) => {
                for row in told.result.iter_mut().filter_map(Value::as_array_mut).flatten() {
                    if let Some(fields) = row.as_object_mut() {
                        drop(fields.remove("ID"));
                    }
                }
            }
            _ => {}
        }
        told.honest = told.error.is_none() && told.result == plain;
        told
    }

    fn said_of(&self, index: usize, number: usize) -> Option<Said> {
        let count = self.requests[index].calls.len().max(1);
        match &self.requests[index].fault {
            Some(What::Command(at, said)) => {
                let at = *at as usize % count;
                let goes_on = matches!(said, Said::Limit(_)) && number > at;
                (at == number || goes_on).then(|| said.clone())
            }
            _ => None,
        }
    }

    fn told(&self, said: Option<Said>, answer: Answer) -> Told {
        let (result, error) = match answer {
            Answer::Result(result) => (Some(result), None),
            Answer::Error(code) => (None, Some(code)),
        };
        let mut told = Told {
            honest: false,
            result,
            error,
            at: self.now,
        };
        match said {
            Some(Said::Refused(code) | Said::Limit(code)) => (told.result, told.error) = (None, Some(code)),
            Some(Said::Nothing { .. }) => (told.result, told.error) = (None, None),
            Some(Said::Odd { value, .. }) => {
                let odd = [json!(1), json!("true"), json!(null), json!({}), json!(false)];
                (told.result, told.error) = (Some(odd[value as usize % odd.len()].clone()), None);
            }
            Some(Said::Both { .. }) => {
                told.result.get_or_insert(json!(true));
                told.error = Some("ERROR_CORE".to_owned());
            }
            Some(Said::Half) => (told.result, told.error) = (None, Some(String::new())),
            Some(Said::Foreign | Said::Nameless) | None => {}
        }
        told
    }

    /// All commands are through.
    fn answers_all(&mut self, index: usize, delivery: usize) {
        self.requests[index].is_over = true;
        let now = self.now;
        let fault = self.requests[index].fault.clone();
        match fault {
            Some(What::Twice(gap, _)) if delivery == 0 => {
                let at = (now + Duration::from_millis(gap)).min(self.requests[index].left + UNDER_WAY_MAX);
                self.at(at, Deed::Arrives(index, 1));
            }
            Some(What::Twice(_, 0)) => self.responds(index, Err(Failure::NoAnswer), false),
            Some(What::Twice(_, hears)) => {
                if hears == 1
                    && let Some(first) = self.requests[index].first.take()
                {
                    self.requests[index].told = first;
                }
                self.responds_whole(index, false);
            }
            Some(What::AnswerLost(ms)) => self.at(now + Duration::from_millis(ms), Deed::GivesUp(index)),
            Some(What::BrokenOff) => self.responds(index, Err(Failure::Truncated), false),
            Some(What::Cut(permille)) => {
                let whole = self.body(index, false).to_string().into_bytes();
                let length = whole.len() * permille as usize / 1000;
                self.responds(
                    index,
                    reply_bytes(200, whole[..length.min(whole.len() - 1)].to_vec()),
                    false,
                );
            }
            Some(What::Page { status, body, .. }) => self.responds(index, reply(status, page(body)), false),
            Some(What::Error { status, code, .. }) => {
                self.responds(index, reply(status, error(&code).to_string()), false);
            }
            Some(What::Shapes) => self.responds_whole(index, true),
            _ => self.responds_whole(index, false),
        }
    }

    fn responds_whole(&mut self, index: usize, other_shapes: bool) {
        let body = self.body(index, other_shapes);
        let status = if body.get("error").is_some() { 400 } else { 200 };
        let bytes = body.to_string().into_bytes();
        if bytes.len() > BODY_MAX {
            self.responds(index, Err(Failure::Truncated), false);
        } else {
            self.responds(index, reply_bytes(status, bytes), true);
        }
    }

    fn body(&self, index: usize, other_shapes: bool) -> Value {
        let request = &self.requests[index];
        let finish = self.true_time().timestamp();
        let time = json!({"start": finish - 1, "finish": finish, "duration": 0.25, "operating": 0, "operating_reset_at": finish + 120});
        if request.method != "batch" {
            let told = &request.told[0];
            return match (&told.result, &told.error) {
                (_, Some(code)) => error(code),
                (Some(result), None) => json!({"result": result, "time": time}),
                (None, None) => json!({"time": time}),
            };
        }
        let (mut results, mut errors, mut times) = (Map::new(), Map::new(), Map::new());
        for (call, told) in request.calls.iter().zip(&request.told) {
            if let Some(result) = &told.result {
                results.insert(call.key.clone(), result.clone());
                times.insert(call.key.clone(), json!({"duration": 0.2, "finish": finish}));
            }
            if let Some(code) = &told.error {
                errors.insert(call.key.clone(), error(code));
            }
        }
        if other_shapes {
            results.insert("nobody_asked".to_owned(), json!(true));
            errors.insert("nor_this".to_owned(), error("ERROR_CORE"));
        }
        json!({
            "result": {
                "result": map(results, other_shapes), "result_error": map(errors, other_shapes), "result_total": [], "result_next": [],
                "result_time": map(times, other_shapes),
            },
            "time": time,
        })
    }

    /// The sender hears the outcome.
    fn hears(&mut self, index: usize) -> Result<Reply, Failure> {
        let now = self.now;
        let request = &mut self.requests[index];
        if request.destroys {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
        let outcome = request.outcome.clone().unwrap_or(Err(Failure::NoAnswer));
        let (is_whole, asked) = (request.is_whole, request.left);
        if is_whole {
            let told = std::mem::take(&mut request.told);
            let (calls, carried) = (std::mem::take(&mut request.calls), request.carried.clone());
            for (number, (call, told)) in calls.iter().zip(&told).enumerate() {
                match &told.result {
                    Some(Value::Bool(true)) if told.error.is_none() => {
                        if let Some(carried) = carried.get(number).copied().flatten() {
                            self.checker.hears_true(carried);
                        }
                    }
                    Some(rows) if told.error.is_none() && told.honest => {
                        self.checker.is_shown(call, rows, (told.at, asked), self.truth.arrays);
                    }
                    _ => {}
                }
            }
        }
        self.tell(|| {
            let said = outcome
                .as_ref()
                .map(|reply| format!("{} {}", reply.status, String::from_utf8_lossy(&reply.body)));
            let said = said.unwrap_or_else(|failure| format!("{failure:?}"));
            let short: String = said.chars().take(180).collect();
            format!("  answer to {index} ({:?}): {short}", now.saturating_sub(asked))
        });
        outcome
    }

    fn true_time(&self) -> DateTime<Utc> {
        let since = TimeDelta::from_std(self.now).unwrap_or_default();
        DateTime::UNIX_EPOCH + TimeDelta::days(20_779) + since
    }

    /// Those who are to look whether what they wait for has come.
    pub(super) fn waiting(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.wakers)
    }

    /// Nothing is left to do at this moment: goes to the next at which the program is woken. Says whether there is one.
    pub(super) fn goes_to_next(&mut self) -> bool {
        loop {
            let deed = self.deeds.first_key_value().map(|(at, deed)| (*at, *deed));
            let wake = self.wakes.first().copied();
            match (deed, wake) {
                (Some(((at, order), deed)), wake) if wake.is_none_or(|wake| at <= wake) => {
                    self.deeds.remove(&(at, order));
                    self.now = self.now.max(at);
                    self.does(deed);
                }
                (_, Some(wake)) => {
                    self.wakes.remove(&wake);
                    self.now = self.now.max(wake);
                    return true;
                }
                _ => return false,
            }
        }
    }

    /// Time passes while no process runs.
    pub(super) fn passes_time(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(((at, order), deed)) = self.deeds.first_key_value().map(|(at, deed)| (*at, *deed))
            && at <= until
        {
            self.deeds.remove(&(at, order));
            self.now = self.now.max(at);
            self.does(deed);
        }
        self.now = until;
        self.wakes.clear();
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it stands for an exchange")]
fn reply_bytes(status: u16, body: Vec<u8>) -> Result<Reply, Failure> {
    Ok(Reply {
        status,
        redirect_host: None,
        body,
    })
}

fn reply(status: u16, body: impl Into<String>) -> Result<Reply, Failure> {
    reply_bytes(status, body.into().into_bytes())
}

/// Something else than an answer.
fn page(body: u8) -> String {
    match body % 6 {
        0 => String::new(),
        1 => "<html><body>502 Bad Gateway</body></html>".to_owned(),
        2 => "[]".to_owned(),
        3 => "true".to_owned(),
        4 => "{\"result\"".to_owned(),
        _ => "\u{0}\u{1}\u{2}{\"result\":true}".to_owned(),
    }
}

impl Shared {
    pub(super) fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The program waits here, and may die.
    fn passes(&self) {
        let dies = self.lock().passes();
        self.may_die(dies);
    }

    /// The program comes by a crash point, and may die.
    pub(super) fn comes_by(&self, index: usize) {
        let dies = self.lock().comes_by(index);
        self.may_die(dies);
    }

    fn may_die(&self, dies: Option<bool>) {
        if let Some(reboot) = dies {
            self.lock().dies(reboot);
            std::panic::resume_unwind(Box::new(Killed));
        }
    }

    fn pause(&self, time: Duration) -> Pause {
        Pause {
            world: self.clone(),
            time,
            until: None,
        }
    }
}

/// A stretch of virtual time.
struct Pause {
    world: Shared,
    time: Duration,
    until: Option<Duration>,
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut world = this.world.lock();
        let now = world.now;
        let until = *this.until.get_or_insert(now + this.time);
        if now >= until {
            return Poll::Ready(());
        }
        world.wakes.insert(until);
        world.wakers.push(context.waker().clone());
        Poll::Pending
    }
}

/// The outcome of a request.
struct Outcome {
    world: Shared,
    request: usize,
}

impl Future for Outcome {
    type Output = Result<Reply, Failure>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut world = self.world.lock();
        let (now, request) = (world.now, &world.requests[self.request]);
        if request.outcome.is_some() && now >= request.heard_at {
            return Poll::Ready(world.hears(self.request));
        }
        world.wakers.push(context.waker().clone());
        Poll::Pending
    }
}

impl Exchange for Shared {
    fn post<'a>(&'a self, method: Method, body: &'a Value) -> Answering<'a> {
        Box::pin(async move {
            self.passes();
            let (request, connect, is_there) = self.lock().begins(method, body);
            self.pause(connect).await;
            if !is_there {
                return Err(Failure::NotConnected);
            }
            self.lock().leaves(request);
            self.passes();
            let outcome = Outcome {
                world: self.clone(),
                request,
            }
            .await;
            self.passes();
            outcome
        })
    }
}

impl Clock for Shared {
    fn utc(&self) -> DateTime<Utc> {
        let world = self.lock();
        world.true_time() + TimeDelta::milliseconds(world.wall_ms)
    }

    fn monotonic(&self) -> Duration {
        let world = self.lock();
        world.now.saturating_sub(world.booted) + Duration::from_secs(1)
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        Box::pin(async move {
            self.passes();
            self.pause(duration).await;
            self.passes();
        })
    }
}
