//! One sitting of the administrator: one command, played by the real program in virtual time until it ends or dies.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use offboard24::cli::{Played, Simulated, play};
use offboard24::crash::with_hook;

use super::world::{Killed, Shared};

/// No command takes longer.
const TIME_MAX: Duration = Duration::from_hours(12);

/// No command is woken more often.
const WAKES_MAX: u32 = 200_000;

/// How a sitting ended.
pub(super) enum Sat {
    /// The command ended.
    Ended(Played),
    /// The process was killed.
    Killed,
    /// Something is wrong: a promise was broken, the program hangs or panicked.
    Broken(String),
}

/// Plays a command to its end, typed by somebody.
pub(super) fn sit(world: &Shared, login: &str, arguments: &[&str]) -> Sat {
    let hook = {
        let world = world.clone();
        Box::new(move |point: offboard24::crash::Point| world.comes_by(point.index()))
    };
    let played = catch_unwind(AssertUnwindSafe(|| with_hook(hook, || poll(world, login, arguments))));
    match played {
        Ok(sat) => {
            world.lock().ends();
            sat
        }
        Err(panic) if panic.is::<Killed>() => Sat::Killed,
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
            Sat::Broken(format!("a panic: {}", said.unwrap_or("without words")))
        }
    }
}

/// Whether a command was woken while it was polled.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn poll(world: &Shared, login: &str, arguments: &[&str]) -> Sat {
    let simulated = {
        let mut locked = world.lock();
        let (folder, jitter_seed) = (locked.store.folder(), locked.next_random());
        let listener = world.clone();
        Simulated {
            clock: Arc::new(world.clone()),
            exchange: Arc::new(world.clone()),
            login_user: login.to_owned(),
            folder,
            jitter_seed,
            listens: Box::new(move |stopper| listener.lock().stopper = Some(stopper)),
        }
    };
    let began = world.lock().now;
    let mut command = pin!(play(arguments, simulated));
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    for _ in 0..WAKES_MAX {
        woken.0.store(false, Ordering::Relaxed);
        let polled = command.as_mut().poll(&mut context);
        if polled.is_pending() && woken.0.load(Ordering::Relaxed) {
            // A part of it can go on at this very moment.
            continue;
        }
        let mut world = world.lock();
        if let Some(broken) = &world.broken {
            return Sat::Broken(broken.clone());
        }
        match polled {
            Poll::Ready(played) => return Sat::Ended(played),
            Poll::Pending if world.now > began + TIME_MAX => {
                return Sat::Broken(format!("a command takes more than {TIME_MAX:?}"));
            }
            Poll::Pending if !world.goes_to_next() => {
                return Sat::Broken("a command waits for nothing".to_owned());
            }
            Poll::Pending => {}
        }
        let waiting = world.waiting();
        drop(world);
        waiting.into_iter().for_each(Waker::wake);
    }
    Sat::Broken(format!("a command is woken more than {WAKES_MAX} times"))
}
