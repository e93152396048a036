//! The owner loop's hands: everything that waits, starts and stores.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::finish;
use super::heap;
use super::inputs::{next_finding, next_samples, next_slice, receive};
use super::live::{Input, Live, Output};
use super::lost::Kept;
use super::{Plan, Stops, Update, Watchers};
use crate::clock::{Clock, Offset};
use crate::evidence::{self, Collector};
use crate::experiment::{Experiment, Injection, Secrets, System};
use crate::fault::{self, Faults, Links, Owner, ProcessLinks, Transport};
use crate::ids::{FaultId, RunId, SweepId};
use crate::load::{Generator, Job, Running};
use crate::record::{
    Against, Event, EventKind, FaultStage, Phase, Provenance, RunRecord, RunStatus, Side,
    StopCause, Verdict,
};
use crate::sample::{self, Samples};
use crate::store::{Store, Writer};
use crate::target::{self, BringUp, Engine, LiveTarget, TargetEvent};
use crate::verdict::Looking;

/// Why a run could not be carried to its verdict.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The records could not be opened, or could not be read back for the verdict.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The faults' journal could not be opened.
    #[error(transparent)]
    Faults(#[from] fault::FaultError),
    /// The run's folder could not be created.
    #[error("create the folder of the run: {0}")]
    Folder(#[from] std::io::Error),
    /// The report could not be written; the verdict is in the store.
    #[error(transparent)]
    Report(#[from] crate::report::ReportError),
    /// A defect in longhaul.
    #[error("{0}: a defect in longhaul")]
    Defect(&'static str),
    /// Another error, and things are left behind.
    #[error("{error}; left behind: {}", leftover.join("; "))]
    Left {
        /// The other error.
        error: Box<RunError>,
        /// What could not be healed or taken down.
        leftover: Vec<String>,
    },
}

/// Everything a run needs.
pub struct Deps {
    /// What to do.
    pub plan: Plan,
    /// The values of the experiment's secrets: sent and set, and never recorded.
    pub secrets: Arc<Secrets>,
    /// SHA-256 of the experiment file, in hex.
    pub experiment_sha256: String,
    /// What makes the load.
    pub generator: Arc<dyn Generator>,
    /// Where records go.
    pub store: Store,
    /// The folder of all reports.
    pub reports: PathBuf,
    /// Who is told.
    pub watchers: Watchers,
    /// Who may ask to stop.
    pub stops: Stops,
    /// What the run is compared with when it is judged.
    pub against: Option<Against>,
    /// The sweep that it is a part of.
    pub sweep: Option<SweepId>,
    /// Whether the target stays up at the end.
    pub keep_up: bool,
    /// How long network faults outlive whoever renews them.
    pub lease: Duration,
    /// How a container's network namespace is entered.
    pub transport: Transport,
}

impl Deps {
    /// Whether there is something to keep up: child processes end with longhaul, and containers that somebody else
    /// runs stay as they are.
    pub(super) fn keeps_up(&self) -> bool {
        self.keep_up && matches!(self.plan.experiment.target.system, System::Compose(_))
    }
}

/// A run that came to its end.
#[derive(Debug)]
pub struct Finished {
    /// Its id.
    pub id: RunId,
    /// How it was judged.
    pub verdict: Verdict,
    /// The same for programs, as `summary.json` holds it.
    pub summary: serde_json::Value,
    /// The report's files.
    pub report: Vec<PathBuf>,
    /// What could not be healed or taken down; empty when all was.
    pub leftover: Vec<String>,
    /// Whether the target stays up, as it was asked to.
    pub kept: bool,
}

/// What the run holds while it is under way; it outlives a panic of the loop.
pub(super) struct Hands {
    pub(super) live: Live,
    pub(super) target: Option<LiveTarget>,
    pub(super) faults: Option<Faults>,
    pub(super) stages: Option<mpsc::Receiver<(FaultId, FaultStage)>>,
    pub(super) events: Option<mpsc::Receiver<TargetEvent>>,
    pub(super) load: Option<Running>,
    pub(super) load_events: Option<mpsc::Receiver<Event>>,
    pub(super) samples: Option<Samples>,
    pub(super) collector: Option<Collector>,
    pub(super) stop_load: CancellationToken,
    pub(super) stop_sampling: CancellationToken,
}

/// The fixed surroundings of a run.
pub(super) struct Scene {
    pub(super) id: RunId,
    pub(super) clock: Clock,
    pub(super) dir: PathBuf,
    pub(super) deps: Deps,
    pub(super) writer: Writer,
    pub(super) kept: Kept,
    pub(super) experiment: Arc<Experiment>,
    pub(super) progress: mpsc::Sender<String>,
    pub(super) tasks: JoinSet<()>,
    /// Looks at what seems to leak, to be judged; once there was one.
    pub(super) looks: Option<std::sync::mpsc::SyncSender<Looking>>,
}

/// Carries out a plan: up, load, faults, heal, verdict, report, down.
///
/// # Errors
/// When nothing could be started, or when the verdict could not be reached; the target was healed and
/// taken down all the same.
pub async fn run(deps: Deps) -> Result<Finished, RunError> {
    let clock = Clock::start();
    let nonce = (clock.anchor().subsec_nanosecond() / 1000) as u16;
    let id = RunId::new(&deps.plan.experiment.name, clock.anchor(), nonce);
    let dir = deps.store.run_dir(&id);
    std::fs::create_dir_all(&dir)?;
    let record = RunRecord {
        id: id.clone(),
        anchor: clock.anchor(),
        experiment: deps.plan.experiment.clone(),
        faults: deps.plan.faults.clone(),
        against: deps.against.clone().map(Box::new),
        sweep: deps.sweep.as_ref().and_then(|id| deps.plan.part(id)),
        provenance: Provenance {
            experiment_sha256: deps.experiment_sha256.clone(),
            ..sample::provenance()
        },
        status: RunStatus::Running,
        verdict: None,
    };
    // From here on the kernel tells everybody, by the lock on the run's folder, that its owner lives.
    let owner = Owner::take(&dir)?;
    let writer = deps.store.begin(&record)?;
    let experiment = Arc::new(record.experiment.clone());
    let mut tasks = JoinSet::new();
    let progress = forward_progress(&mut tasks, &deps.watchers, Arc::clone(&deps.secrets));
    let load = &experiment.load;
    deps.watchers.tell(Update::Began {
        run: id.clone(),
        name: experiment.name.clone(),
        seed: experiment.seed.0,
        faults: Arc::new(record.faults.clone()),
        lengths: [load.warmup, load.profile_length(), load.cooldown],
    });
    let mut hands = Hands {
        live: Live::new(&experiment, &record.faults, clock, clock.now()),
        target: None,
        faults: None,
        stages: None,
        events: None,
        load: None,
        load_events: None,
        samples: None,
        collector: None,
        stop_load: CancellationToken::new(),
        stop_sampling: CancellationToken::new(),
    };
    let kept = Kept::default();
    let looks = None;
    let mut scene =
        Scene { id, clock, dir, deps, writer, kept, experiment, progress, tasks, looks };
    scene.event(EventKind::Phase { phase: Phase::Preparing }).await;
    let ended = AssertUnwindSafe(scene.conduct(&mut hands)).catch_unwind().await;
    let trouble = match ended {
        Ok(None) => None,
        Ok(Some(stop)) => Some(stop),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
                .unwrap_or_default();
            Some((StopCause::Internal, format!("a defect in longhaul: {text}")))
        }
    };
    if let Some((cause, reason)) = trouble {
        scene.event(EventKind::Stop { cause, reason }).await;
    }
    let finished = finish::finish(scene, hands).await;
    drop(owner);
    finished
}

/// Lines about the target, to whoever watches. 64 lines wait at most; then whoever writes them waits.
fn forward_progress(
    tasks: &mut JoinSet<()>,
    watchers: &Watchers,
    secrets: Arc<Secrets>,
) -> mpsc::Sender<String> {
    let (sender, mut lines) = mpsc::channel::<String>(64);
    let watchers = watchers.clone();
    tasks.spawn(async move {
        while let Some(line) = lines.recv().await {
            watchers.progress(secrets.redact(line));
        }
    });
    sender
}

type Trouble = (StopCause, String);

/// How long a bring-up that is to stop may take to take down what it began.
const BROUGHT_UP: Duration = Duration::from_mins(3);

impl Scene {
    /// Stores and shows an event that no phase of the loop owns.
    pub(super) async fn event(&mut self, kind: EventKind) {
        self.record(Event { at: self.clock.now(), kind }).await;
    }

    async fn record(&mut self, event: Event) {
        self.kept.event(&event);
        self.deps.watchers.tell(Update::Event(event.clone()));
        self.writer.event(event).await;
    }

    async fn conduct(&mut self, hands: &mut Hands) -> Option<Trouble> {
        if let Err(trouble) = self.prepare(hands).await {
            return Some(trouble);
        }
        let settle = self.experiment.load.settle;
        if settle > Duration::ZERO {
            let text = format!("no load yet for {}", crate::units::duration(settle));
            self.deps.watchers.progress(text);
        }
        let begin = self.clock.now() + Duration::from_millis(100) + settle;
        hands.live = Live::new(&self.experiment, &self.deps.plan.faults, self.clock, begin);
        let job = Job {
            load: self.experiment.load.clone(),
            secrets: Arc::clone(&self.deps.secrets),
            seed: self.experiment.seed,
            clock: self.clock,
            begin,
            endpoints: hands.target.as_ref()?.endpoints(),
            stop: hands.stop_load.clone(),
        };
        match self.deps.generator.start(job) {
            Ok(mut running) => {
                hands.load_events = running.events.take();
                hands.load = Some(running);
            }
            Err(e) => return Some((StopCause::Internal, format!("failed to start the load: {e}"))),
        }
        loop {
            let input = self.next_input(hands).await;
            let outputs = hands.live.handle(input, self.clock.now());
            if self.carry_out(hands, outputs).await {
                return None;
            }
        }
    }

    async fn prepare(&mut self, hands: &mut Hands) -> Result<(), Trouble> {
        let links = Arc::new(Links::new());
        let opts = BringUp {
            run: self.id.clone(),
            dir: self.dir.clone(),
            secrets: Arc::clone(&self.deps.secrets),
            linker: Some(Arc::new(ProcessLinks::new(Arc::clone(&links)))),
            progress: self.progress.clone(),
            clock: self.clock,
            stop: CancellationToken::new(),
            keep_up: self.deps.keeps_up(),
            hurry: self.deps.stops.hurry().clone(),
        };
        let cancel = opts.stop.clone();
        let secrets = Arc::clone(&self.deps.secrets);
        let not_ready = |e: target::TargetError| {
            let cause = match e.side() {
                Side::Environment => StopCause::Environment,
                Side::Target | Side::Longhaul => StopCause::TargetNotReady,
            };
            // What did not come up may have told of its environment.
            let text = e.hint().map_or_else(|| e.to_string(), |hint| format!("{e}; {hint}"));
            (cause, secrets.redact(text))
        };
        let mut stops = self.deps.stops.clone();
        let spec = self.experiment.target.clone();
        let mut bring_up = std::pin::pin!(target::bring_up(&spec, opts));
        let up = tokio::select! {
            up = &mut bring_up => up,
            cause = stops.asked() => {
                cancel.cancel();
                // What a bring-up that is given up leaves behind is swept like that of one that failed.
                let stopped = tokio::time::timeout(BROUGHT_UP, bring_up).await;
                hands.target = stopped.ok().and_then(Result::ok);
                return Err((cause, "asked to stop while the target came up".to_owned()));
            }
        };
        let live = hands.target.insert(up.map_err(not_ready)?);
        let links = matches!(spec.system, System::Process(_)).then_some(links);
        tokio::select! {
            ready = live.wait_ready(&spec.ready, &self.progress) => ready.map_err(not_ready)?,
            cause = stops.asked() => {
                return Err((cause, "asked to stop while the target became ready".to_owned()));
            }
        }
        let engine = live.engine();
        if let Some(engine) = &engine
            && self.needs_helper_image(engine)
        {
            tokio::select! {
                held = engine.hold_image(&self.id) => held.map(drop).map_err(not_ready)?,
                cause = stops.asked() => {
                    return Err((cause, "asked to stop while longhaul's image was built".to_owned()));
                }
            }
        }
        self.writer
            .provenance(Provenance {
                experiment_sha256: self.deps.experiment_sha256.clone(),
                engine: engine.as_ref().map(|e| e.describe().to_string()),
                images: live.images(),
                resources: live.resources(),
                ..sample::provenance()
            })
            .await;
        hands.events = Some(live.events());
        let setup = fault::Setup {
            run: self.id.clone(),
            dir: self.dir.clone(),
            control: live.control(),
            engine: engine.clone(),
            links,
            roster: live.roster(),
            lease: self.deps.lease,
            transport: self.deps.transport,
        };
        let (faults, stages) = Faults::start(setup)
            .map_err(|e| (StopCause::Internal, format!("failed to start the faults: {e}")))?;
        hands.faults = Some(faults);
        hands.stages = Some(stages);
        hands.samples = Some(sample::start(sample::Setup {
            roster: live.roster(),
            clock: self.clock,
            interval: self.experiment.sampling.interval,
            disk: self.dir.clone(),
            engine: engine.clone(),
            stop: hands.stop_sampling.clone(),
        }));
        hands.collector = Some(evidence::start(evidence::Setup {
            roster: live.roster(),
            clock: self.clock,
            engine,
            dir: self.dir.clone(),
            capture: self.experiment.capture.clone(),
            sampling: self.experiment.sampling.clone(),
            secrets: Arc::clone(&self.deps.secrets),
            probes: self.experiment.probes.clone(),
        }));
        Ok(())
    }

    /// Whether the first partition would otherwise pay for building the helper's image.
    fn needs_helper_image(&self, engine: &Engine) -> bool {
        let partitions =
            self.deps.plan.faults.iter().any(|f| matches!(f.inject, Injection::Partition { .. }));
        let by_container = match self.deps.transport {
            Transport::Auto => !engine.describe().local,
            Transport::Pid => false,
            Transport::Container => true,
        };
        partitions && by_container
    }

    async fn next_input(&mut self, hands: &mut Hands) -> Input {
        let timer = hands.live.next_timer();
        tokio::select! {
            biased;
            cause = self.deps.stops.asked() => Input::Stop(cause),
            Some((fault, stage)) = receive(&mut hands.stages) => Input::Stage(fault, stage),
            Some(event) = receive(&mut hands.events) => Input::Target(event),
            Some(event) = receive(&mut hands.load_events) => Input::Load(event),
            slice = next_slice(&mut hands.load) => slice.map_or_else(Input::LoadEnded, |s| Input::Slice(Box::new(s))),
            Some(samples) = next_samples(&mut hands.samples) => Input::Samples(samples),
            Some(finding) = next_finding(&mut hands.collector) => Input::Found(finding),
            () = self.clock.sleep_until(timer) => Input::Timer,
        }
    }

    /// Judges a look beside the loop. While two are not done there is no other. One thread does it for the whole run: the
    /// allocator keeps what a look took for the next one of the same thread, megabytes, and would keep as much for every other.
    fn look(&mut self, look: Looking) {
        let looks = self.looks.get_or_insert_with(|| {
            let (looks, asked) = std::sync::mpsc::sync_channel::<Looking>(1);
            let watchers = self.deps.watchers.clone();
            self.tasks.spawn_blocking(move || {
                for suspected in asked.into_iter().map(Looking::suspected) {
                    if !suspected.is_empty() {
                        watchers.tell(Update::Suspected(Arc::new(suspected)));
                    }
                }
            });
            looks
        });
        // Full: the one before goes on, and tells as much.
        looks.try_send(look).ok();
    }

    /// Does what the loop asks for; true when it is over.
    pub(super) async fn carry_out(&mut self, hands: &mut Hands, outputs: Vec<Output>) -> bool {
        let mut over = false;
        for output in outputs {
            match output {
                Output::Event(event) => self.record(event).await,
                Output::Slice(slice, row, asked) => {
                    self.deps.watchers.tell(Update::Slice(row, asked));
                    self.writer.slice(*slice).await;
                }
                Output::Samples(samples) => {
                    self.deps.watchers.tell(Update::Samples(Arc::new(samples.clone())));
                    self.writer.samples(samples).await;
                }
                Output::Ledger(row) => {
                    self.deps.watchers.tell(Update::Ledger(row.clone()));
                    let minute = |at: Offset| at.as_secs_f64() as u64 / 60;
                    let trim = minute(row.from) < minute(row.to);
                    self.writer.ledger(*row).await;
                    if trim {
                        drop(tokio::task::spawn_blocking(heap::give_back));
                    }
                }
                Output::Look(look) => self.look(look),
                Output::Evidence(evidence) => self.writer.evidence(*evidence).await,
                Output::Scrapes(scrapes) => self.writer.scrapes(*scrapes).await,
                Output::Capture(moment) => {
                    let Some(collector) = &hands.collector else { continue };
                    if !collector.ask(moment) {
                        let text = "no evidence is captured: the capture before is still under way";
                        self.event(EventKind::Note { text: text.to_owned() }).await;
                    }
                }
                Output::Inject(fault) => {
                    if let Some(faults) = &hands.faults {
                        faults.inject(fault);
                    }
                }
                Output::Started(victim) => {
                    if let Some(faults) = &hands.faults {
                        faults.note_start(&victim);
                    }
                }
                Output::End => over = true,
            }
        }
        over
    }
}
