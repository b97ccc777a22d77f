//! The real binary, killed at every crash point: first, second and last passage, killing and terminating, fresh, resumed, and resumed
//! twice; then at random points and instants, with a portal that has faults. After each death an operator goes on until the job is over,
//! and journal, codes and the stand-in portal's own truth have to agree.
//!
//! `crashes 50` sweeps and adds 50 random points and 50 random instants. `crashes --scene resume-kill --at C6:2` replays one.

#![expect(
    clippy::unwrap_used,
    reason = "a rig ends at the first surprise, which is told as a finding"
)]

mod check;
mod decisions;
mod scene;
mod stand;
mod support;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use offboard24::crash::Point;
use offboard24::mistake::Mistake;

use self::scene::{SCENES, Scene, Trouble};
use self::stand::{Death, Passages};

/// What stands before the words of a replay.
const REPLAY: &str = "cargo test --profile rigs --features rigs --test rigs";

/// Plays at a time.
const WORKERS: usize = 2;

/// Deaths of one random play, at most.
const DEATHS_MAX: u64 = 3;

/// What may go wrong besides in a random play.
const FAULTS: &[&str] = &[
    "lost-request",
    "lost-answer",
    "lost-answer-after:2",
    "truncated-body",
    "not-json",
    "status-500-json",
    "status-500-html-after",
    "status-502-html",
    "status-502-html-after",
    "wrong-encoding",
    "late-effect:5ms",
    "late-effect:70s",
    "redirect-302",
    "redirect-302-after",
    "missing-keys",
    "false-result",
    "both-maps",
    "error-code:ACCESS_DENIED",
    "error-code:QUERY_LIMIT_EXCEEDED",
    "operating-limit",
    "dropped-filter",
];

/// What one play is.
#[derive(Clone, Debug)]
struct Play {
    scene: Scene,
    trouble: Trouble,
}

impl Play {
    /// What to type to see it again.
    fn replay(&self) -> String {
        let deaths: Vec<String> = self.trouble.deaths.iter().map(|death| death.words()).collect();
        let mut words = vec!["--scene".to_owned(), self.scene.name.to_owned()];
        if !deaths.is_empty() {
            words.extend(["--at".to_owned(), deaths.join(",")]);
        }
        if !self.trouble.faults.is_empty() {
            words.extend(["--faults".to_owned(), self.trouble.faults.join(",")]);
        }
        words.join(" ")
    }
}

/// What was asked for.
#[derive(Default)]
struct Order {
    random: usize,
    seed: u64,
    mistake: Option<&'static str>,
    one: Option<Play>,
}

/// Runs the rig.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let order = parse(arguments)?;
    // A failed check of the desk's is a finding, told once and at the end.
    std::panic::set_hook(Box::new(|_| {}));
    let began = Instant::now();
    if let Some(one) = order.one {
        return perform(&[one], order.mistake).map(|_| println!("nothing found"));
    }
    let dry: Vec<Play> = SCENES.iter().map(|scene| play(*scene, Trouble::default())).collect();
    let passages = perform(&dry, order.mistake)?;
    let mut plays = Vec::new();
    for (scene, passages) in SCENES.iter().zip(&passages) {
        plays.extend(sweep(*scene, passages));
    }
    let swept = plays.len();
    let mut dice = Dice(order.seed);
    for _ in 0..order.random {
        plays.push(at_a_point(&mut dice, &passages));
        plays.push(at_an_instant(&mut dice));
    }
    tell(&passages);
    never_passed(&passages)?;
    perform(&plays, order.mistake)?;
    println!(
        "crashes: {} scenes, {swept} deaths swept, {} random, seed {}, {} s",
        SCENES.len(),
        plays.len() - swept,
        order.seed,
        began.elapsed().as_secs()
    );
    Ok(())
}

fn parse(arguments: &[String]) -> Result<Order, String> {
    const USAGE: &str =
        "crashes RANDOM [--seed N] [--mistake NAME], or crashes --scene NAME [--at C6:2,…] [--faults F,…]";
    let mut order = Order {
        seed: 1,
        ..Order::default()
    };
    let (mut scene, mut trouble) = (None, Trouble::default());
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(USAGE);
        match word.as_str() {
            "--seed" => order.seed = value()?.parse().map_err(|_| USAGE)?,
            "--mistake" => {
                let name = value()?;
                let known = Mistake::ALL.into_iter().find(|mistake| mistake.name() == name);
                order.mistake = Some(known.ok_or("no such mistake")?.name());
            }
            "--scene" => scene = Some(Scene::named(value()?).ok_or("no such scene")?),
            "--at" => {
                let deaths: Option<Vec<Death>> = value()?.split(',').map(Death::parse).collect();
                trouble.deaths = deaths.ok_or(USAGE)?;
            }
            "--faults" => trouble.faults = value()?.split(',').map(str::to_owned).collect(),
            number => order.random = number.parse().map_err(|_| USAGE)?,
        }
    }
    order.one = scene.map(|scene| play(scene, trouble));
    Ok(order)
}

fn play(scene: Scene, trouble: Trouble) -> Play {
    Play { scene, trouble }
}

/// First, second and last passage of every point that a scene comes by.
fn sweep(scene: Scene, passages: &Passages) -> Vec<Play> {
    let mut plays = Vec::new();
    for point in Point::ALL.into_iter().filter(|point| scene.is_about(*point)) {
        let last = passages[point.index()];
        let mut nths = vec![1, 2, last];
        nths.retain(|nth| *nth <= last && *nth > 0);
        nths.dedup();
        plays.extend(
            nths.into_iter()
                .map(|nth| play(scene, Trouble::one(Death::At(point, nth)))),
        );
    }
    plays
}

/// A random passage of a random point, others after it, and a portal with faults.
fn at_a_point(dice: &mut Dice, passages: &[Passages]) -> Play {
    let jobs: Vec<(&Scene, &Passages)> = SCENES
        .iter()
        .zip(passages)
        .filter(|(scene, _)| scene.is_a_job())
        .collect();
    let (scene, passages) = *dice.pick(&jobs);
    let passed: Vec<Point> = Point::ALL
        .into_iter()
        .filter(|point| passages[point.index()] > 0)
        .collect();
    let deaths = (0..=dice.below(DEATHS_MAX)).map(|_| {
        let point = *dice.pick(&passed);
        Death::At(point, 1 + dice.below(passages[point.index()]))
    });
    let deaths = deaths.collect();
    play(
        *scene,
        Trouble {
            deaths,
            faults: faults(dice),
        },
    )
}

/// The same at instants that no point marks.
fn at_an_instant(dice: &mut Dice) -> Play {
    let jobs: Vec<&Scene> = SCENES.iter().filter(|scene| scene.is_a_job()).collect();
    let scene = **dice.pick(&jobs);
    let deaths = (0..=dice.below(DEATHS_MAX)).map(|_| Death::After {
        requests: usize::try_from(dice.below(30)).unwrap_or_default(),
        micros: dice.below(8_000),
    });
    let deaths = deaths.collect();
    play(
        scene,
        Trouble {
            deaths,
            faults: faults(dice),
        },
    )
}

fn faults(dice: &mut Dice) -> Vec<String> {
    let number = dice.below(3);
    let one = |dice: &mut Dice| {
        let fault = dice.pick(FAULTS);
        let (place, places) = *dice.pick(&[("request", 40), ("destroy", 6), ("command", 14)]);
        format!("{fault}@{place}:{}", 1 + dice.below(places))
    };
    (0..number).map(|_| one(dice)).collect()
}

/// Plays, two at a time, until all are over or one finds something.
fn perform(plays: &[Play], mistake: Option<&'static str>) -> Result<Vec<Passages>, String> {
    let next = AtomicUsize::new(0);
    let results: Mutex<BTreeMap<usize, Result<Passages, String>>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::SeqCst);
                    let Some(play) = plays.get(index) else { return };
                    let played = std::panic::catch_unwind(|| play.scene.play(&play.trouble, mistake));
                    let result = played.unwrap_or_else(|cause| Err(words_of(&*cause)));
                    if result.is_err() {
                        next.store(plays.len(), Ordering::SeqCst);
                    }
                    results.lock().unwrap().insert(index, result);
                }
            });
        }
    });
    let results = results.into_inner().unwrap();
    let mut passages = Vec::new();
    for (index, result) in results {
        let replay = || format!("replay: {REPLAY} -- crashes {}", plays[index].replay());
        passages.push(result.map_err(|finding| format!("{finding}\n{}", replay()))?);
    }
    Ok(passages)
}

/// The words of a panic.
fn words_of(cause: &(dyn std::any::Any + Send)) -> String {
    let text = cause.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| cause.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without words".to_owned())
}

/// How often each point was passed in all scenes together.
fn tell(passages: &[Passages]) {
    let of = |point: Point| passages.iter().map(|passed| passed[point.index()]).sum::<u64>();
    let words: Vec<String> = Point::ALL
        .iter()
        .map(|point| format!("{} {}", point.name(), of(*point)))
        .collect();
    println!("crashes: passages: {}", words.join(", "));
}

/// A point that nothing comes by shows nothing.
fn never_passed(passages: &[Passages]) -> Result<(), String> {
    let never = |point: &Point| passages.iter().all(|passed| passed[point.index()] == 0);
    let never: Vec<String> = Point::ALL.into_iter().filter(never).map(Point::name).collect();
    if never.is_empty() {
        Ok(())
    } else {
        Err(format!("never reached: {}", never.join(", ")))
    }
}

/// Numbers that look random and are the same for the same seed: `SplitMix64`.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.below(from.len() as u64)).unwrap_or_default()]
    }
}
