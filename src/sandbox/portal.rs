//! One request, from its arrival to its answer.
//!
//! The order is the portal's: the bucket counts the request, then the method must exist, then the webhook must be good,
//! then the method must not be over its operating time, then the handler runs. Faults bend any of it. How bytes come and
//! go is `http`'s.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::batch::{COMMANDS_MAX, Maps, split_command};
use super::behaviour::{
    AccessStatus, AuthStatus, BatchBilling, BatchRefusals, Behaviour, Choice, CutCommand, DeletedStatus,
    OperatingFields, OperatingReset, ResultTime, StartName, Totals,
};
use super::call::{Answer, Desk, Refusal, Success};
use super::dates;
use super::faults::{Broken, CommandFault, Done, Ending, Fault, OPERATING_LIMIT, QUERY_LIMIT, Queue, Trouble};
use super::limits::{Counter, OperatingTimes, RequestBucket, RequestMeter};
use super::locked;
use super::methods;
use super::options::Options;
use super::php::{Key, Php, PhpArray, parse_query};
use super::records::{CommandRecord, Effect, RequestRecord};
use super::workflows;
use super::world::Shared;

/// A half of the time that a batch takes is billed to `batch` itself, where it is billed.
const BATCH_WEIGHT: f64 = 0.5;

/// A request as it arrived.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) http_method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

/// What goes back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) location: Option<String>,
    pub(crate) body: String,
    pub(crate) sent: Sent,
}

/// How much of a reply reaches the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Whole,
    Half,
    Nothing,
}

/// The portal behind the address.
#[derive(Debug)]
pub(crate) struct Portal {
    pub(crate) world: Shared,
    options: Options,
    /// Added to [`super::Time`]'s reading it gives the portal's Unix time, in seconds.
    epoch_seconds: f64,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    behaviour: Behaviour,
    bucket: RequestBucket,
    operating: OperatingTimes,
    faults: Queue,
    late: Vec<LateJob>,
    requests: Vec<RequestRecord>,
    effects: Vec<Effect>,
}

/// A request whose answer is lost and whose effects are still to come.
#[derive(Debug)]
struct LateJob {
    due: Duration,
    request: u64,
    job: Job,
}

/// What a request asks for.
#[derive(Clone, Debug)]
struct Job {
    method: String,
    params: PhpArray,
}

/// One call of a job.
struct Call<'a> {
    method: &'a str,
    params: PhpArray,
    in_batch: bool,
    request: u64,
    started: f64,
    seconds: f64,
    faults: Vec<CommandFault>,
}

/// How a job is run.
struct Running<'a> {
    request: u64,
    trouble: &'a Trouble,
    /// How many commands are done before the request ends.
    commands: usize,
    /// From when on its commands take the time that they take; none where they take none.
    began: Option<Duration>,
}

/// How a job ended.
enum Ran {
    Answered(Answer, Option<PhpArray>),
    /// The front end cut it off.
    OverTime,
}

impl Portal {
    pub(crate) fn new(mut options: Options, token: String, world: Shared) -> Self {
        options.token = token;
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs_f64();
        let ahead = Duration::from_secs(options.clock_ahead_seconds.unsigned_abs()).as_secs_f64();
        let ahead = if options.clock_ahead_seconds < 0 { -ahead } else { ahead };
        let mut faults = Queue::default();
        for fault in std::mem::take(&mut options.faults) {
            faults.push(fault);
        }
        Self {
            world,
            epoch_seconds: wall + ahead - options.time.now().as_secs_f64(),
            inner: Mutex::new(Inner {
                behaviour: options.behaviour,
                bucket: RequestBucket::default(),
                operating: OperatingTimes::default(),
                faults,
                late: Vec::new(),
                requests: Vec::new(),
                effects: Vec::new(),
            }),
            options,
        }
    }

    pub(crate) fn inject(&self, fault: Fault) {
        locked(&self.inner).faults.push(fault);
    }

    pub(crate) fn set_behaviour(&self, behaviour: Behaviour) {
        locked(&self.inner).behaviour = behaviour;
    }

    pub(crate) fn choose(&self, choice: Choice) {
        locked(&self.inner).behaviour.choose(choice);
    }

    pub(crate) fn behaviour(&self) -> Behaviour {
        locked(&self.inner).behaviour
    }

    pub(crate) fn effects(&self) -> Vec<Effect> {
        locked(&self.inner).effects.clone()
    }

    pub(crate) fn requests(&self) -> Vec<RequestRecord> {
        locked(&self.inner).requests.clone()
    }

    /// The portal's Unix time, in seconds.
    fn now(&self) -> f64 {
        self.epoch_seconds + self.options.time.now().as_secs_f64()
    }

    /// Answers a request under `/rest/`.
    pub(crate) async fn answer(self: Arc<Self>, arrival: Arrival) -> Reply {
        let started = self.now();
        self.settle_late_effects().await;
        let address = Address::parse(&arrival.path);
        let job = Job {
            method: address.method.clone(),
            params: parameters(&arrival),
        };
        let (number, trouble) = self.register(&arrival, &job);
        self.options.pause.wait(self.options.latency).await;
        let reply = match trouble {
            None => self.broken(QUERY_LIMIT, &arrival, None),
            Some(trouble) => {
                self.options.pause.wait(trouble.delay).await;
                self.troubled(&arrival, &address, job, number, &trouble, started).await
            }
        };
        if reply.sent != Sent::Nothing {
            let mut inner = locked(&self.inner);
            if let Some(record) = inner.requests.iter_mut().rev().find(|record| record.number == number) {
                record.status = Some(reply.status);
            }
        }
        reply
    }

    /// Counts and records a request, and finds out what goes wrong with it; `None`: the bucket refuses it, and it meets no
    /// fault.
    fn register(&self, arrival: &Arrival, job: &Job) -> (u64, Option<Trouble>) {
        let now = self.options.time.now();
        let mut inner = locked(&self.inner);
        let number = inner.requests.last().map_or(1, |last| last.number + 1);
        let record = RequestRecord {
            number,
            at: now,
            http_method: arrival.http_method.clone(),
            method: job.method.clone(),
            commands: job.commands(),
            status: None,
        };
        let admitted = inner.bucket.admits(
            now,
            self.options.rate_per_second,
            self.options.burst,
            self.options.neighbour_rate,
        );
        let trouble = admitted.then(|| inner.faults.meet(&record));
        inner.requests.push(record);
        (number, trouble)
    }

    async fn troubled(
        &self,
        arrival: &Arrival,
        address: &Address,
        job: Job,
        request: u64,
        trouble: &Trouble,
        started: f64,
    ) -> Reply {
        let ending = trouble.ending;
        if let Some(Ending {
            done: Done::Nothing,
            answer,
        }) = ending
        {
            return self.broken(answer, arrival, None);
        }
        let reply = if let Err(refusal) = self.admit(address, &job) {
            refused(&refusal)
        } else if let Some(Ending {
            done: Done::Later(after),
            answer,
        }) = ending
        {
            let due = self.options.time.now() + after;
            locked(&self.inner).late.push(LateJob { due, request, job });
            return self.broken(answer, arrival, None);
        } else {
            let commands = match ending {
                Some(Ending {
                    done: Done::Commands(count),
                    ..
                }) => count,
                _ => usize::MAX,
            };
            let running = Running {
                request,
                trouble,
                commands,
                began: Some(self.options.time.now()),
            };
            match self.run(&job, &running, started).await {
                Ran::Answered(Ok(success), time) => answered(success, time),
                Ran::Answered(Err(refusal), _) => refused(&refusal),
                Ran::OverTime => self.broken(Broken::Html(504), arrival, None),
            }
        };
        match ending {
            Some(ending) => self.broken(ending.answer, arrival, Some(reply)),
            None => reply,
        }
    }

    /// What a broken answer looks like; `whole` is the answer that was ready, if one was.
    fn broken(&self, answer: Broken, arrival: &Arrival, whole: Option<Reply>) -> Reply {
        let html = |status: u16, title: &str| Reply {
            status,
            content_type: "text/html",
            location: None,
            body: format!(
                "<html>\r\n<head><title>{status} {title}</title></head>\r\n<body>{title}</body>\r\n</html>\r\n"
            ),
            sent: Sent::Whole,
        };
        let whole = whole.unwrap_or_else(|| html(200, "OK"));
        match answer {
            Broken::Nothing => Reply {
                sent: Sent::Nothing,
                ..whole
            },
            Broken::HalfOfIt => Reply {
                sent: Sent::Half,
                ..whole
            },
            Broken::NotJson => html(200, "Portal"),
            Broken::Html(500) => html(500, "Internal Server Error"),
            Broken::Html(504) => html(504, "Gateway Time-out"),
            Broken::Html(status) => html(status, "Bad Gateway"),
            Broken::Redirect => {
                let query = if arrival.query.is_empty() {
                    String::new()
                } else {
                    format!("?{}", arrival.query)
                };
                let location = format!("{}{}{query}", self.options.renamed_to, arrival.path);
                Reply {
                    location: Some(location),
                    ..html(302, "Found")
                }
            }
            Broken::Error(status, code, text) => refused(&Refusal::new(status, code, text)),
            Broken::AccessDenied => {
                let status = match self.behaviour().access_status {
                    AccessStatus::Forbidden403 => 403,
                    AccessStatus::BadRequest400 => 400,
                };
                refused(&Refusal::new(status, "ACCESS_DENIED", "Access denied!"))
            }
            Broken::Deleted => {
                let status = match self.behaviour().deleted_status {
                    DeletedStatus::Forbidden403 => 403,
                    DeletedStatus::InternalError500 => 500,
                    DeletedStatus::Gone410 => 410,
                };
                refused(&Refusal::new(status, "PORTAL_DELETED", "Portal was deleted"))
            }
        }
    }

    /// Method, then webhook, then scope: the portal's own order.
    fn admit(&self, address: &Address, job: &Job) -> Result<(), Refusal> {
        let status = match locked(&self.inner).behaviour.auth_status {
            AuthStatus::Unauthorized401 => 401,
            AuthStatus::Forbidden403 => 403,
        };
        let world = locked(&self.world);
        let webhook = &world.webhook;
        let Some(scope) = methods::scope_of(&job.method, world.modules.business_processes) else {
            return Err(method_not_found());
        };
        let Some((user, token)) = &address.credentials else {
            return Err(Refusal::new(status, "NO_AUTH_FOUND", "Wrong authorization data"));
        };
        if *user != webhook.owner.to_string() || *token != self.options.token || !webhook.valid {
            return Err(Refusal::new(
                status,
                "INVALID_CREDENTIALS",
                "Invalid request credentials",
            ));
        }
        if !world.user(webhook.owner).is_some_and(|owner| owner.active) {
            return Err(Refusal::new(status, "authorization_error", "Unable to authorize user"));
        }
        if !scope.is_granted(&webhook.scopes) {
            let text = "The request requires higher privileges than provided by the webhook token";
            return Err(Refusal::new(status, "insufficient_scope", text));
        }
        Ok(())
    }

    async fn settle_late_effects(&self) {
        loop {
            let now = self.options.time.now();
            let late = {
                let mut inner = locked(&self.inner);
                let place = inner.late.iter().position(|late| late.due <= now);
                place.map(|place| inner.late.remove(place))
            };
            let Some(late) = late else { return };
            let trouble = Trouble::default();
            let running = Running {
                request: late.request,
                trouble: &trouble,
                commands: usize::MAX,
                began: None,
            };
            drop(self.run(&late.job, &running, self.now()).await);
        }
    }

    async fn run(&self, job: &Job, running: &Running<'_>, started: f64) -> Ran {
        let mut meter = RequestMeter::default();
        let ran = if job.method == "batch" {
            self.run_batch(job, running, &mut meter, started).await
        } else {
            self.run_direct(job, running, &mut meter, started).await
        };
        locked(&self.inner).operating.store(&meter, self.now());
        ran
    }

    async fn run_direct(&self, job: &Job, running: &Running<'_>, meter: &mut RequestMeter, started: f64) -> Ran {
        if running.commands == 0 {
            return Ran::Answered(Ok(Success::plain(true)), None);
        }
        let mut spent = Duration::ZERO;
        let faults: Vec<CommandFault> = running.trouble.with_command(0).collect();
        let seconds = match self.take_time(&job.method, &faults, running, &mut spent).await {
            Ok(seconds) => seconds,
            Err(rest) => {
                self.cut(job.clone(), running.request, rest);
                return Ran::OverTime;
            }
        };
        let params = job.params.clone();
        let request = running.request;
        let call = Call {
            method: &job.method,
            params,
            in_batch: false,
            request,
            started,
            seconds,
            faults,
        };
        let (answer, time) = self.call(&call, meter);
        Ran::Answered(answer, time)
    }

    async fn run_batch(&self, job: &Job, running: &Running<'_>, meter: &mut RequestMeter, started: f64) -> Ran {
        let counter = Counter {
            in_batch: false,
            method: "batch".to_owned(),
        };
        let behaviour = self.behaviour();
        let billed = behaviour.batch_billing == BatchBilling::HalfWeight;
        if billed && self.is_over_its_time(&counter, meter) {
            return Ran::Answered(Err(over_its_time()), None);
        }
        let query = job.params.upper_case_keys();
        let halts = query.given("HALT").is_some_and(Php::is_truthy);
        let commands = query.given("CMD").and_then(Php::as_array).cloned().unwrap_or_default();
        let is_too_long = |place| {
            let mut faults = running.trouble.with_command(place);
            faults.any(|fault| fault == CommandFault::BatchLength)
        };
        if behaviour.batch_refusals == BatchRefusals::Outside && (0..commands.len()).any(is_too_long) {
            return Ran::Answered(Err(too_long()), None);
        }
        let mut maps = Maps::default();
        let mut spent = Duration::ZERO;
        for (place, (key, command)) in commands.iter().enumerate() {
            if place >= running.commands {
                break;
            }
            if place >= COMMANDS_MAX || is_too_long(place) {
                maps.record(key, &Err(too_long()), None);
                continue;
            }
            // What is no text is skipped without a trace, and still takes a place.
            let Php::Text(command) = command else { continue };
            let (method, query) = split_command(command);
            let method = method.to_lowercase();
            let params = maps.substitute(&parse_query(&query));
            let faults: Vec<CommandFault> = running.trouble.with_command(place).collect();
            let call_started = self.now();
            let seconds = match self.take_time(&method, &faults, running, &mut spent).await {
                Ok(seconds) => seconds,
                Err(rest) => {
                    self.cut(Job { method, params }, running.request, rest);
                    return Ran::OverTime;
                }
            };
            let skips_key = faults.contains(&CommandFault::MissingKey);
            let in_both = faults.contains(&CommandFault::BothMaps);
            let (answer, time) = if matches!(method.as_str(), "batch" | "upload" | "download") {
                let text = "Method is not allowed for batch usage";
                (Err(Refusal::new(405, "ERROR_BATCH_METHOD_NOT_ALLOWED", text)), None)
            } else {
                let request = running.request;
                let started = call_started;
                self.call(
                    &Call {
                        method: &method,
                        params,
                        in_batch: true,
                        request,
                        started,
                        seconds,
                        faults,
                    },
                    meter,
                )
            };
            if !skips_key {
                maps.record(
                    key,
                    &answer,
                    time.filter(|_| behaviour.result_time == ResultTime::Present),
                );
            }
            if in_both && !skips_key {
                maps.record(key, &Err(Refusal::new(400, "ERROR_CORE", "")), None);
            }
            if answer.is_err() && halts {
                break;
            }
        }
        if billed {
            meter.note(&counter, started, spent.as_secs_f64() * BATCH_WEIGHT);
        }
        let time = self.time(&counter, meter, started, spent.as_secs_f64());
        Ran::Answered(Ok(Success::plain(maps.into_result(behaviour.empty_maps))), Some(time))
    }

    /// Waits as long as a command takes; its seconds, or, when the request is over its time before it is done, how much more it takes.
    async fn take_time(
        &self,
        method: &str,
        faults: &[CommandFault],
        running: &Running<'_>,
        spent: &mut Duration,
    ) -> Result<f64, Duration> {
        let destroys = matches!(method, "bizproc.workflow.kill" | "bizproc.workflow.terminate");
        let mut takes = if destroys {
            self.options.command_duration
        } else {
            self.options.question_duration
        };
        let uncounted = if destroys { Duration::ZERO } else { takes };
        for fault in faults {
            if let CommandFault::Delay(longer) = fault {
                takes += *longer;
            }
        }
        if let Some(began) = running.began {
            let left = self.options.request_limit.saturating_sub(*spent);
            // Until a moment, not for a while: what fifty short pauses take too long would add up.
            let until = began + *spent + takes.min(left);
            *spent += takes;
            self.options
                .pause
                .wait(until.saturating_sub(self.options.time.now()))
                .await;
            if takes > left {
                return Err(takes.saturating_sub(left));
            }
        }
        Ok(takes.saturating_sub(uncounted).as_secs_f64())
    }

    /// What becomes of a command that the front end cut off.
    fn cut(&self, job: Job, request: u64, rest: Duration) {
        if self.behaviour().cut_command == CutCommand::Done {
            let due = self.options.time.now() + rest;
            locked(&self.inner).late.push(LateJob { due, request, job });
        }
    }

    /// One call: the portal's checks, the handler, the books.
    fn call(&self, call: &Call<'_>, meter: &mut RequestMeter) -> (Answer, Option<PhpArray>) {
        let counter = Counter {
            in_batch: call.in_batch,
            method: call.method.to_owned(),
        };
        if let Err(refusal) = self.check(call, &counter, meter) {
            return (Err(refusal), None);
        }
        let answer = self.handle(call);
        meter.note(&counter, call.started, call.seconds);
        let time = self.time(&counter, meter, call.started, call.seconds);
        (answer, Some(time))
    }

    fn check(&self, call: &Call<'_>, counter: &Counter, meter: &RequestMeter) -> Result<(), Refusal> {
        {
            let world = locked(&self.world);
            let scope =
                methods::scope_of(call.method, world.modules.business_processes).ok_or_else(method_not_found)?;
            if call.params.given("token").is_some() {
                return Err(Refusal::new(403, "ACCESS_DENIED", "Link check failed"));
            }
            // A missing scope inside a batch is refused with an empty text.
            if !scope.is_granted(&world.webhook.scopes) {
                return Err(Refusal::new(403, "insufficient_scope", ""));
            }
        }
        if call.faults.contains(&CommandFault::OperatingLimit) || self.is_over_its_time(counter, meter) {
            return Err(over_its_time());
        }
        Ok(())
    }

    fn handle(&self, call: &Call<'_>) -> Answer {
        let behaviour = locked(&self.inner).behaviour;
        if call.faults.contains(&CommandFault::FalseResult) {
            return Ok(Success::plain(false));
        }
        if call.faults.contains(&CommandFault::ErrorAndPresent) {
            return Err(workflows::activity_failed(behaviour));
        }
        for fault in &call.faults {
            match fault {
                CommandFault::ErrorCode(code) => return Err(Refusal::new(400, code, "Refused on demand")),
                CommandFault::EmptyPromise => return Ok(Success::plain(true)),
                CommandFault::LatePromise(after) => {
                    let due = self.options.time.now() + *after;
                    let job = Job {
                        method: call.method.to_owned(),
                        params: call.params.clone(),
                    };
                    let request = call.request;
                    locked(&self.inner).late.push(LateJob { due, request, job });
                    return Ok(Success::plain(true));
                }
                _ => {}
            }
        }
        let mut params = call.params.clone();
        params.remove("state");
        let start = match (behaviour.start_name, call.method) {
            (StartName::Upper, "bizproc.task.list") => "START",
            _ => "start",
        };
        let start = params.remove(start).map_or(0, |start| start.to_int());
        let mut world = locked(&self.world);
        let mut desk = Desk {
            world: &mut world,
            behaviour,
            now: self.now(),
            drops_filters: call.faults.contains(&CommandFault::DroppedFilter),
            change: None,
        };
        let answer =
            methods::call(&mut desk, call.method, &params, start).map(|success| counted(success, behaviour.totals));
        if let Some(change) = desk.change {
            let mut inner = locked(&self.inner);
            let sequence = inner.effects.last().map_or(1, |last| last.sequence + 1);
            inner.effects.push(Effect {
                sequence,
                request: call.request,
                at: self.options.time.now(),
                method: call.method.to_owned(),
                workflow: change.workflow,
                status_text: change.status_text,
                tasks_removed: change.removed.tasks,
            });
        }
        answer
    }

    fn is_over_its_time(&self, counter: &Counter, meter: &RequestMeter) -> bool {
        let limit = self.options.operating_limit_seconds;
        let mut inner = locked(&self.inner);
        let block = inner.behaviour.operating_block;
        limit.is_finite() && inner.operating.blocks(counter, meter, self.now(), limit, block)
    }

    /// The `time` of an answer.
    fn time(&self, counter: &Counter, meter: &RequestMeter, started: f64, seconds: f64) -> PhpArray {
        let finish = self.now().max(started + seconds);
        let date = |seconds: f64| dates::iso(Php::Float(seconds).to_int());
        let mut time = PhpArray::default();
        time.put("start", started);
        time.put("finish", finish);
        time.put("duration", finish - started);
        time.put("processing", seconds);
        time.put("date_start", date(started));
        time.put("date_finish", date(finish));
        let inner = locked(&self.inner);
        let tells = inner.behaviour.operating_fields == OperatingFields::Present;
        if tells && self.options.operating_limit_seconds.is_finite() {
            let exact = inner.operating.reset_at(counter, meter, self.now());
            let reset = match inner.behaviour.operating_reset {
                OperatingReset::Exact => exact,
                OperatingReset::Past => Some(finish - 3600.0),
                OperatingReset::HoursAhead => Some(finish + 5.0 * 3600.0),
                OperatingReset::Negative => Some(-1.0),
            };
            if let Some(reset) = reset {
                time.put("operating_reset_at", Php::Float(reset).to_int());
            }
            time.put("operating", inner.operating.used(counter, meter, self.now()));
        }
        time
    }
}

impl Job {
    fn commands(&self) -> Vec<CommandRecord> {
        if self.method != "batch" {
            let params = self.params.to_json();
            return vec![CommandRecord {
                key: None,
                method: self.method.clone(),
                params,
            }];
        }
        let query = self.params.upper_case_keys();
        let commands = query.given("CMD").and_then(Php::as_array).cloned().unwrap_or_default();
        let records = commands.iter().map(|(key, command)| {
            let (method, params) = match command {
                Php::Text(command) => {
                    let (method, query) = split_command(command);
                    (method.to_lowercase(), parse_query(&query).to_json())
                }
                other => (String::new(), other.to_json()),
            };
            CommandRecord {
                key: Some(key.to_text()),
                method,
                params,
            }
        });
        records.collect()
    }
}

/// What the path of a request says.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    /// User and token of a webhook.
    credentials: Option<(String, String)>,
    /// The method, in lower case and without `.json`.
    method: String,
}

impl Address {
    /// Reads `/rest/USER/TOKEN/METHOD[.json]` or `/rest/METHOD`.
    fn parse(path: &str) -> Self {
        let path = path.strip_prefix("/rest/").unwrap_or_default();
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let method = |text: &str| text.strip_suffix(".json").unwrap_or(text).to_lowercase();
        match parts.as_slice() {
            [user, token, name] => Self {
                credentials: Some(((*user).to_owned(), (*token).to_owned())),
                method: method(name),
            },
            [name] => Self {
                credentials: None,
                method: method(name),
            },
            _ => Self {
                credentials: None,
                method: String::new(),
            },
        }
    }
}

/// The parameters of a request: the query, and over it the body.
///
/// A JSON body counts only under exactly `application/json`; when it is broken there are no parameters, and no error.
fn parameters(arrival: &Arrival) -> PhpArray {
    let mut parameters = parse_query(&arrival.query);
    if arrival.http_method != "POST" {
        return parameters;
    }
    let media_type = arrival.content_type.split(';').next().unwrap_or_default().trim();
    let body = match media_type {
        "application/json" => match serde_json::from_slice::<Value>(&arrival.body).map(Php::from_json) {
            Ok(Php::Array(body)) => body,
            _ => PhpArray::default(),
        },
        _ => parse_query(String::from_utf8_lossy(&arrival.body).trim()),
    };
    parameters.replace_with(body);
    parameters
}

fn method_not_found() -> Refusal {
    Refusal::new(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
}

/// What a list says of its number of rows in this variant of the portal.
fn counted(success: Success, totals: Totals) -> Success {
    match (totals, success.total) {
        (Totals::Counted, _) | (_, None) => success,
        (Totals::Missing, Some(_)) => Success { total: None, ..success },
        (Totals::Zero, Some(_)) => Success {
            total: Some(0),
            next: None,
            ..success
        },
    }
}

fn too_long() -> Refusal {
    Refusal::new(400, "ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
}

fn over_its_time() -> Refusal {
    match OPERATING_LIMIT {
        Broken::Error(status, code, text) => Refusal::new(status, code, text),
        _ => Refusal::new(429, "OPERATION_TIME_LIMIT", ""),
    }
}

fn answered(success: Success, time: Option<PhpArray>) -> Reply {
    let mut body = PhpArray::default();
    body.set(Key::new("result"), success.result);
    if let Some(next) = success.next {
        body.put("next", next);
    }
    if let Some(total) = success.total {
        body.put("total", total);
    }
    if let Some(time) = time {
        body.put("time", time);
    }
    json(200, &body)
}

fn refused(refusal: &Refusal) -> Reply {
    json(refusal.status, &refusal.to_php())
}

fn json(status: u16, body: &PhpArray) -> Reply {
    Reply {
        status,
        content_type: "application/json; charset=utf-8",
        location: None,
        body: body.to_json().to_string(),
        sent: Sent::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn arrival(content_type: &str, query: &str, body: &str) -> Arrival {
        Arrival {
            http_method: "POST".to_owned(),
            path: "/rest/1/t/user.get".to_owned(),
            query: query.to_owned(),
            content_type: content_type.to_owned(),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_body_counts_as_json_only_under_exactly_that_type_and_broken_json_is_nothing() {
        let json_type = "application/json";
        let cases = [
            (json_type, "", r#"{"filter":{"ID":1}}"#, json!({"filter": {"ID": 1}})),
            ("application/json; charset=utf-8", "", r#"{"a":1}"#, json!({"a": 1})),
            (json_type, "", r#"{"filter":{"ID":1}"#, json!([])),
            (json_type, "a=1", "7", json!({"a": "1"})),
            (json_type, "a=1&b=2", r#"{"a":3}"#, json!({"a": 3, "b": "2"})),
            ("text/json", "", r#"{"a":1}"#, json!({r#"{"a":1}"#: ""})),
            (
                "application/x-www-form-urlencoded",
                "",
                "a[b]=1&c=2",
                json!({"a": {"b": "1"}, "c": "2"}),
            ),
            (json_type, "", "{}", json!([])),
        ];
        for (content_type, query, body, expected) in cases {
            assert_eq!(
                parameters(&arrival(content_type, query, body)).to_json(),
                expected,
                "{content_type} {body}"
            );
        }
    }

    #[test]
    fn the_path_names_user_token_and_method() {
        let webhook = Address::parse("/rest/1/secret/User.Get.json");
        assert_eq!(webhook.credentials, Some(("1".to_owned(), "secret".to_owned())));
        assert_eq!(webhook.method, "user.get");
        assert_eq!(Address::parse("/rest/user.get").credentials, None);
        assert_eq!(Address::parse("/rest/api/1/secret/user.get").method, "");
    }
}
