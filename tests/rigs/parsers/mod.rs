//! What comes from outside, through the real parsers: answers of a portal, rosters, and the commands that are sent.
//!
//! A seed makes one input: well formed, odd, or damaged. What the program makes of it is compared with a second reading, which shares
//! nothing with the first (`check/`): no more is confirmed than the answer says, no row is lost or invented, and what is sent arrives as it
//! was meant. Nothing panics, hangs or takes more memory than it may. The fuzz targets in `fuzz/` call the same checks.

#![expect(
    clippy::unwrap_used,
    reason = "a rig ends at the first surprise, which is told as a finding"
)]

pub(crate) mod check;
mod largest;
mod make;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use offboard24::mistake::{self, Mistake};

use self::check::{Checked, KINDS};

/// Threads.
const WORKERS: usize = 2;

/// An input that takes more of a processor, each time that it is looked at, is a finding: some questions are asked twenty times.
const TIME_MAX: Duration = Duration::from_millis(500);

/// The same, for each of its bytes beside that.
const TIME_MAX_A_BYTE: Duration = Duration::from_micros(2);

/// How long a finding is made smaller.
const SHRINKING: Duration = Duration::from_mins(1);

/// An input that is not done by then never will be.
const HANGS_AFTER: Duration = Duration::from_secs(30);

/// The most memory that the whole run may take, in megabytes: two inputs at a time, of a megabyte at most.
const PEAK_MAX: u64 = 512;

/// From so many inputs on, everything that can come out has to have come out.
const BLIND_BELOW: u64 = 50_000;

/// What can come out.
const TO_BE_REACHED: [&str; 43] = [
    "yes",
    "refused",
    "not executed",
    "no answer",
    "truncated",
    "not JSON",
    "status",
    "error of all",
    "redirected",
    "not literally true",
    "missing key",
    "in both maps",
    "instances: error",
    "instances: running",
    "instances: gone",
    "open tasks: error",
    "open tasks: none",
    "open tasks: some",
    "tasks: error",
    "tasks: none",
    "tasks: some",
    "users: error",
    "users: none",
    "users: some",
    "direct: error",
    "profile",
    "scope",
    "method",
    "time",
    "right",
    "roster refused",
    "read, with quotes",
    "read line by line",
    "cannot be said",
    "arrived",
    "sent",
    "not sent",
    "asked in a batch",
    "asked alone",
    "not asked",
    "answers",
    "roster",
    "encoding",
];

struct Options {
    inputs: u64,
    time: Option<Duration>,
    from: u64,
    seed: Option<u64>,
    mistake: Option<Mistake>,
}

/// `parsers INPUTS|SECONDSs [--from N] [--mistake NAME] | --seed N | --largest [NAME] | --corpus FOLDER INPUTS`
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    if let [first, rest @ ..] = arguments
        && first == "--largest"
    {
        return largest::run(rest.first().map(String::as_str));
    }
    if let [first, folder, inputs] = arguments
        && first == "--corpus"
    {
        return write_corpus(Path::new(folder), inputs);
    }
    let options = Options::parse(arguments)?;
    std::panic::set_hook(Box::new(|_| {}));
    if let Some(seed) = options.seed {
        mistake::plant(options.mistake);
        let (kind, input) = make::input(seed);
        println!("{} {}", KINDS[kind].0, input.escape_ascii());
        return looked_at(kind, &input).map(|labels| println!("{labels:?}"));
    }
    options.perform()
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self {
            inputs: 100_000,
            time: None,
            from: 0,
            seed: None,
            mistake: None,
        };
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            let mut value = || rest.next().cloned().ok_or_else(|| format!("{word} needs a value"));
            let number = |text: &str| text.parse::<u64>().map_err(|cause| format!("{text}: {cause}"));
            match word.as_str() {
                "--from" => options.from = number(&value()?)?,
                "--seed" => options.seed = Some(number(&value()?)?),
                "--mistake" => {
                    let name = value()?;
                    let found = Mistake::ALL.into_iter().find(|mistake| mistake.name() == name);
                    options.mistake = Some(found.ok_or_else(|| format!("there is no mistake {name}"))?);
                }
                many => match many.strip_suffix('s') {
                    Some(seconds) => {
                        options.time = Some(Duration::from_secs(number(seconds)?));
                        options.inputs = u64::MAX - options.from;
                    }
                    None => options.inputs = number(many)?,
                },
            }
        }
        Ok(options)
    }

    fn perform(&self) -> Result<(), String> {
        let began = Instant::now();
        let (reached, finding) = self.all_inputs(began);
        println!(
            "parsers: {} inputs, {:.1} s, {} MB at the peak",
            reached.inputs,
            began.elapsed().as_secs_f64(),
            largest::peak()?
        );
        match (finding, self.mistake) {
            (Some((seed, found)), Some(mistake)) => {
                println!("{} is caught by seed {seed}: {found}", mistake.name());
                Ok(())
            }
            (None, Some(mistake)) => Err(format!(
                "{} goes unnoticed in {} inputs",
                mistake.name(),
                reached.inputs
            )),
            (Some((seed, found)), None) => Err(told(seed, &found)),
            (None, None) => {
                println!("{:?}", reached.labels);
                reached.is_sighted()
            }
        }
    }

    /// Looks at all inputs, two at a time; gives the first finding.
    fn all_inputs(&self, began: Instant) -> (Reached, Option<(u64, String)>) {
        let (next, is_over) = (AtomicU64::new(self.from), AtomicBool::new(false));
        let shared: Mutex<(Reached, Option<(u64, String)>)> = Mutex::default();
        // What each thread is at: the seed, and since when in milliseconds.
        let at: [(AtomicU64, AtomicU64); WORKERS] = Default::default();
        let milliseconds = || u64::try_from(began.elapsed().as_millis()).unwrap();
        std::thread::scope(|threads| {
            let workers = at.each_ref().map(|at| {
                let (next, is_over, shared) = (&next, &is_over, &shared);
                threads.spawn(move || {
                    mistake::plant(self.mistake);
                    let mut reached = Reached::default();
                    while !is_over.load(Ordering::Relaxed) && self.time.is_none_or(|time| began.elapsed() < time) {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed - self.from >= self.inputs {
                            break;
                        }
                        at.1.store(milliseconds(), Ordering::Relaxed);
                        at.0.store(seed, Ordering::Relaxed);
                        let (kind, input) = make::input(seed);
                        match looked_at(kind, &input) {
                            Ok(labels) => reached.add(KINDS[kind].0, &labels),
                            Err(found) => {
                                is_over.store(true, Ordering::Relaxed);
                                let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
                                if shared.1.as_ref().is_none_or(|(other, _)| seed < *other) {
                                    shared.1 = Some((seed, found));
                                }
                            }
                        }
                    }
                    at.1.store(u64::MAX, Ordering::Relaxed);
                    shared.lock().unwrap_or_else(PoisonError::into_inner).0.join(reached);
                })
            });
            while workers.iter().any(|worker| !worker.is_finished()) {
                std::thread::park_timeout(Duration::from_millis(50));
                for (seed, since) in &at {
                    let took = milliseconds().saturating_sub(since.load(Ordering::Relaxed));
                    if u128::from(took) > HANGS_AFTER.as_millis() {
                        println!(
                            "parsers: seed {} hangs\nreplay: parsers --seed {0}",
                            seed.load(Ordering::Relaxed)
                        );
                        std::process::exit(1);
                    }
                }
            }
        });
        shared.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes inputs into files, a folder for each kind, for a fuzzer to begin with.
fn write_corpus(folder: &Path, inputs: &str) -> Result<(), String> {
    let inputs: u64 = inputs.parse().map_err(|cause| format!("{inputs}: {cause}"))?;
    for seed in 0..inputs {
        let (kind, input) = make::input(seed);
        let folder = folder.join(KINDS[kind].0);
        let written =
            std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(folder.join(seed.to_string()), input));
        written.map_err(|cause| format!("{}: {cause}", folder.display()))?;
    }
    Ok(())
}

/// Looks at one input: no panic, no finding, and in time.
fn looked_at(kind: usize, input: &[u8]) -> Checked {
    let mut attempts = 0;
    loop {
        let began = processor_time();
        let checked = catch_unwind(AssertUnwindSafe(|| KINDS[kind].1(input))).unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(format!("a panic: {}", said.unwrap_or("without words")))
        });
        attempts += 1;
        let took = processor_time().saturating_sub(began);
        let bytes = u32::try_from(input.len()).unwrap();
        if checked.is_err() || took < TIME_MAX + TIME_MAX_A_BYTE * bytes {
            return checked;
        }
        if attempts == 3 {
            return Err(format!("{bytes} bytes take {took:?}"));
        }
    }
}

/// What this thread has used of a processor: others use the machine too.
fn processor_time() -> Duration {
    let reading = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(reading.tv_sec).unwrap(),
        u32::try_from(reading.tv_nsec).unwrap(),
    )
}

/// A finding: how to see it again, and the smallest input of its kind that was found.
fn told(seed: u64, found: &str) -> String {
    let (kind, input) = make::input(seed);
    println!("parsers: seed {seed}: {found}");
    let (smallest, why) = shrunk(kind, input, found);
    format!(
        "seed {seed}: {found}\nreplay: parsers --seed {seed}\nshrunk to {} bytes: {why}\n{} {}",
        smallest.len(),
        KINDS[kind].0,
        smallest.escape_ascii()
    )
}

/// Leaves out pieces of an input as long as something is found.
fn shrunk(kind: usize, mut input: Vec<u8>, found: &str) -> (Vec<u8>, String) {
    let mut found = found.to_owned();
    let mut length = input.len() / 2;
    let began = Instant::now();
    while length > 0 {
        let mut at = 0;
        while at < input.len() && began.elapsed() < SHRINKING {
            let mut smaller = input.clone();
            drop(smaller.drain(at..(at + length).min(input.len())));
            match looked_at(kind, &smaller) {
                Err(why) => (input, found) = (smaller, why),
                Ok(_) => at += length,
            }
        }
        length /= 2;
    }
    (input, found)
}

/// What all inputs together reached: a rig that never sees a thing is blind for it.
#[derive(Default)]
struct Reached {
    inputs: u64,
    labels: BTreeMap<&'static str, u64>,
}

impl Reached {
    fn add(&mut self, kind: &'static str, labels: &[&'static str]) {
        self.inputs += 1;
        for label in labels.iter().chain([&kind]) {
            *self.labels.entry(label).or_default() += 1;
        }
    }

    fn join(&mut self, other: Self) {
        self.inputs += other.inputs;
        for (label, count) in other.labels {
            *self.labels.entry(label).or_default() += count;
        }
    }

    fn is_sighted(&self) -> Result<(), String> {
        let peak = largest::peak()?;
        if peak > PEAK_MAX {
            return Err(format!("{peak} MB at the peak, and {PEAK_MAX} are allowed"));
        }
        let missing: Vec<&str> = TO_BE_REACHED
            .into_iter()
            .filter(|label| !self.labels.contains_key(label))
            .collect();
        if self.inputs < BLIND_BELOW || missing.is_empty() {
            return Ok(());
        }
        Err(format!(
            "blind: in {} inputs there never was {}",
            self.inputs,
            missing.join(", ")
        ))
    }
}
