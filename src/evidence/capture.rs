//! One look at one instance.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::heap::Fetcher;
use super::processes::{self, Processes};
use super::{descriptors, disk, mappings, memory_stat, sockets, threads};
use crate::clock::{Clock, monotonic, thread_cpu};
use crate::experiment::{HeapSource, Secrets};
use crate::record::{
    CaptureMoment, Captured, ContainerFacts, Descriptors, Disk, Evidence, Folder, HeapProfile,
    Instance, Mappings, Sockets, Threads,
};
use crate::target::{self, ContainerDetails, ContainerMount, Engine};

/// How long one folder may be counted.
const FOLDER: Duration = Duration::from_secs(2);

/// What every look needs.
pub(super) struct Looker {
    pub(super) clock: Clock,
    pub(super) engine: Option<Engine>,
    pub(super) run_dir: PathBuf,
    pub(super) heap: BTreeMap<String, Vec<HeapSource>>,
    pub(super) fetcher: Fetcher,
    pub(super) secrets: Arc<Secrets>,
}

/// What is to be looked at, and until when.
pub(super) struct Look {
    pub(super) moment: CaptureMoment,
    pub(super) instance: Instance,
    /// Whether it is the first of its service, which answers for the places that are asked once.
    pub(super) is_first: bool,
    /// Whether the engine's description is already on record.
    pub(super) is_known: bool,
    pub(super) deadline: Instant,
}

/// What the kernel tells of an instance's processes.
struct Kernel {
    memory_stat: Captured<BTreeMap<String, u64>>,
    mappings: Captured<Mappings>,
    descriptors: Captured<Descriptors>,
    sockets: Captured<Sockets>,
    threads: Captured<Threads>,
}

impl Looker {
    /// Looks, and says what CPU time it took. Ends soon after the deadline, whatever hangs.
    pub(super) async fn look(self: Arc<Self>, look: Look) -> (Evidence, Duration) {
        let from = self.clock.now();
        let instance = &look.instance;
        let (kernel, (container, disk), heap) = tokio::join!(
            self.kernel(instance, look.deadline),
            self.engine(&look),
            self.heap(&look)
        );
        let (kernel, spent) = kernel;
        let (disk, disk_spent) = disk;
        let (heap, heap_spent) = heap;
        let evidence = Evidence {
            moment: look.moment,
            from,
            to: self.clock.now(),
            instance: instance.victim(),
            restarts: instance.restarts,
            memory_stat: kernel.memory_stat,
            mappings: kernel.mappings,
            descriptors: kernel.descriptors,
            sockets: kernel.sockets,
            threads: kernel.threads,
            disk,
            container,
            heap,
        };
        (evidence, spent + disk_spent + heap_spent)
    }

    async fn kernel(&self, instance: &Instance, deadline: Instant) -> (Kernel, Duration) {
        let read = instance.clone();
        timed(deadline, move || kernel(&read))
            .await
            .unwrap_or_else(|why| (Kernel::nothing(&why), Duration::ZERO))
    }

    /// The engine's description, when it is not on record yet, and what is on disk.
    async fn engine(
        &self,
        look: &Look,
    ) -> (Option<Captured<ContainerFacts>>, (Captured<Disk>, Duration)) {
        let instance = &look.instance;
        if !instance.is_container() {
            let folder = target::instance_dir(&self.run_dir, &instance.victim());
            return (None, process_disk(folder, look.deadline).await);
        }
        let Some(engine) = &self.engine else {
            let why = "there is no engine to ask".to_owned();
            let disk = Captured::NotCaptured(why.clone());
            return (Some(Captured::NotCaptured(why)), (disk, Duration::ZERO));
        };
        let asked = engine.container_details(&instance.id);
        let mut details = match tokio::time::timeout_at(look.deadline.into(), asked).await {
            Ok(Ok(details)) => details,
            Ok(Err(why)) => {
                return (failed(look, &why), (Captured::NotCaptured(why), Duration::ZERO));
            }
            Err(_) => {
                let why = "the engine did not answer in time";
                return (failed(look, why), (Captured::NotCaptured(why.into()), Duration::ZERO));
            }
        };
        self.secrets.redact_document(&mut details.facts.inspect);
        let local = engine.describe().local;
        let disk = container_disk(&details, local, look.deadline).await;
        let facts = (!look.is_known).then_some(Captured::Captured(details.facts));
        (facts, disk)
    }

    async fn heap(&self, look: &Look) -> (Vec<HeapProfile>, Duration) {
        let (mut profiles, mut spent) = (Vec::new(), Duration::ZERO);
        for source in self.heap.get(&look.instance.service).into_iter().flatten() {
            if let HeapSource::Url(url) = source
                && !look.is_first
                && !super::ask::is_per_instance(url)
            {
                continue;
            }
            let (profile, cpu) = self.fetcher.fetch(source, &look.instance, look.deadline).await;
            profiles.push(profile);
            spent += cpu;
        }
        (profiles, spent)
    }
}

fn failed(look: &Look, why: &str) -> Option<Captured<ContainerFacts>> {
    (!look.is_known).then(|| Captured::NotCaptured(why.to_owned()))
}

/// Runs blocking work aside and says what CPU time it took; gives up waiting for it at the deadline.
async fn timed<T: Send + 'static>(
    deadline: Instant,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<(T, Duration), String> {
    let aside = tokio::task::spawn_blocking(move || {
        let before = thread_cpu();
        let done = work();
        (done, thread_cpu().saturating_sub(before))
    });
    match tokio::time::timeout_at(deadline.into(), aside).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(format!("a defect in longhaul: {error}")),
        Err(_) => Err("it did not come in time".to_owned()),
    }
}

impl Kernel {
    fn nothing(why: &str) -> Self {
        Self {
            memory_stat: Captured::NotCaptured(why.to_owned()),
            mappings: Captured::NotCaptured(why.to_owned()),
            descriptors: Captured::NotCaptured(why.to_owned()),
            sockets: Captured::NotCaptured(why.to_owned()),
            threads: Captured::NotCaptured(why.to_owned()),
        }
    }
}

fn kernel(instance: &Instance) -> Kernel {
    let found: Processes = match processes::of(instance) {
        Ok(found) => found,
        Err(why) => return Kernel::nothing(&why),
    };
    let open = descriptors::read(&found);
    let sockets = match &open {
        Ok(open) => sockets::read(found.main, open, instance.is_container()),
        Err(why) => Err(why.clone()),
    };
    Kernel {
        memory_stat: memory_stat::read(instance, found.main).into(),
        mappings: mappings::read(&found).into(),
        descriptors: open.map(|open| open.descriptors).into(),
        sockets: sockets.into(),
        threads: threads::read(&found).into(),
    }
}

async fn process_disk(folder: PathBuf, deadline: Instant) -> (Captured<Disk>, Duration) {
    if !folder.is_dir() {
        let why = "the process has no folder of its own: its command does not use {{dir}}";
        return (Captured::NotCaptured(why.to_owned()), Duration::ZERO);
    }
    let folders = vec![(folder.display().to_string(), "folder".to_owned(), Ok(folder))];
    let (folders, spent) = count(folders, deadline).await;
    (Captured::Captured(Disk { layer: None, root: None, folders }), spent)
}

async fn container_disk(
    details: &ContainerDetails,
    local: bool,
    deadline: Instant,
) -> (Captured<Disk>, Duration) {
    let place = |mount: &ContainerMount| match &mount.source {
        Some(source) if local => Ok(source.clone()),
        Some(_) => Err("it is on the engine's machine".to_owned()),
        None => Err("it is in memory, and counted there".to_owned()),
    };
    let folders = details.mounts.iter().map(|m| (m.path.clone(), m.kind.clone(), place(m)));
    let (folders, spent) = count(folders.collect(), deadline).await;
    let disk = Disk { layer: details.layer, root: details.root, folders };
    (Captured::Captured(disk), spent)
}

type Place = (String, String, Result<PathBuf, String>);

async fn count(places: Vec<Place>, deadline: Instant) -> (Vec<Folder>, Duration) {
    let (mut folders, mut spent) = (Vec::new(), Duration::ZERO);
    for (path, kind, place) in places {
        let usage = match place {
            Err(why) => Captured::NotCaptured(why),
            Ok(place) => {
                let until = deadline.min(monotonic() + FOLDER);
                // The wait is a little longer than the work, so that a part of the count is not lost.
                let wait = until + Duration::from_millis(500);
                match timed(wait, move || disk::usage(Path::new(&place), until)).await {
                    Ok((usage, cpu)) => {
                        spent += cpu;
                        usage
                    }
                    Err(why) => Captured::NotCaptured(why),
                }
            }
        };
        folders.push(Folder { path, kind, usage });
    }
    (folders, spent)
}
