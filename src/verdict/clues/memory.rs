//! Anonymous memory: where it grows, or that it only fills.

use super::grows;
use super::growth::{Grown, Looks};
use crate::record::{Clue, Evidence, HeapSites, LeakFinding, LeakVerdict, MemoryPart, Pattern};
use crate::units::Bytes;

/// This share of the growth has to be in one part before that part is named.
const MOST: f64 = 0.6;

pub(super) fn clue(finding: Option<&LeakFinding>, looks: Option<&Looks>) -> Option<Clue> {
    let finding = finding?;
    match finding.verdict {
        _ if grows(finding) => Some(growing(finding, looks)),
        LeakVerdict::Warming if rise(finding) >= LEAST => Some(filling(finding, looks)),
        _ => None,
    }
}

/// A rise below this is not worth a word, bytes.
const LEAST: f64 = 1_048_576.0;

/// By how much the best explanation rises over the record.
fn rise(finding: &LeakFinding) -> f64 {
    let best = &finding.curves.best;
    best.iter().copied().fold(0.0, f64::max) - best.first().copied().unwrap_or(0.0)
}

fn growing(finding: &LeakFinding, looks: Option<&Looks>) -> Clue {
    let rate = rate(finding);
    let anon = looks.and_then(|l| l.memory(MemoryPart::Anon));
    let part = anon.zip(looks).and_then(|(anon, looks)| place(anon, looks));
    let (pattern, sentence) = match part {
        Some((part, grown)) => {
            let by = Bytes(grown.by()).human();
            let of = Bytes(anon.map_or(0, Grown::by)).human();
            let (pattern, words) = words(part);
            (pattern, format!("memory grows{rate}: {by} of the {of} are {words}"))
        }
        None if anon.is_some() => (
            Pattern::Unlocated,
            format!("memory grows{rate}; no single part of it holds most of the growth"),
        ),
        None => (
            Pattern::Unlocated,
            format!("memory grows{rate}; what it is made of was not captured twice in one life"),
        ),
    };
    let (sentence, figures) = match looks.and_then(site) {
        Some((frame, by)) => (
            format!("{sentence}; the heap profile grows most at {frame}"),
            figures(looks)
                .into_iter()
                .chain([format!("{frame}: {} more", Bytes(by).human())])
                .collect(),
        ),
        None => (sentence, figures(looks)),
    };
    Clue { pattern, harmful: true, sentence, figures, next: next(pattern, finding) }
}

/// The allocation site that grew most between the heap profiles of the two looks.
fn site(looks: &Looks) -> Option<(String, u64)> {
    let sites = |look: &Evidence| -> Option<HeapSites> {
        look.heap.iter().find_map(|p| p.body.get()?.sites.get().cloned())
    };
    let grown = sites(looks.last)?.growth_since(&sites(looks.first)?);
    let most = grown.first()?;
    Some((most.frames.first()?.clone(), most.bytes().unsigned_abs()))
}

/// The innermost part that holds most of the growth.
fn place(anon: Grown, looks: &Looks) -> Option<(MemoryPart, Grown)> {
    let most = |part: &MemoryPart| {
        let grown = looks.memory(*part)?;
        (grown.by() as f64 >= MOST * anon.by() as f64 && grown.by() > 0).then_some((*part, grown))
    };
    [MemoryPart::Arenas, MemoryPart::Stacks, MemoryPart::Heap, MemoryPart::AnonymousMappings]
        .iter()
        .find_map(most)
}

fn words(part: MemoryPart) -> (Pattern, &'static str) {
    match part {
        MemoryPart::Arenas => (Pattern::Arenas, "in malloc's arenas for threads"),
        MemoryPart::Stacks => (Pattern::Threads, "stacks"),
        MemoryPart::Heap => (
            Pattern::Heap,
            "on the heap proper ([heap]): many small allocations that are not freed",
        ),
        _ => (
            Pattern::Mappings,
            "in anonymous mappings: large allocations, or a runtime with a heap of its own",
        ),
    }
}

fn filling(finding: &LeakFinding, looks: Option<&Looks>) -> Clue {
    let shape = finding.rivals.first().map_or_else(String::new, |best| {
        let with = if best.parameters.is_empty() { "" } else { ", " };
        format!(" (best explained as {}{with}{})", best.shape, best.parameters)
    });
    Clue {
        pattern: Pattern::Filling,
        harmful: false,
        sentence: format!("memory fills and levels off{shape}: a cache or a pool, rather than a leak"),
        figures: figures(looks),
        next: vec![
            "make the warm-up longer than the filling takes, so that the judged part begins on the plateau".to_owned(),
            "check that the plateau fits the memory limit with room to spare".to_owned(),
        ],
    }
}

fn rate(finding: &LeakFinding) -> String {
    let Some(slope) = finding.slope else { return String::new() };
    let hourly = Bytes(slope.value.max(0.0) as u64).human();
    match finding.per_request {
        Some(bytes) if bytes >= 1.0 => format!(" by {hourly} an hour, {bytes:.0} B a request"),
        _ => format!(" by {hourly} an hour"),
    }
}

fn figures(looks: Option<&Looks>) -> Vec<String> {
    let Some(looks) = looks else { return Vec::new() };
    let parts =
        MemoryPart::ALL.iter().filter_map(|part| Some(looks.memory(*part)?.bytes(part.name())));
    parts.chain([looks.span()]).collect()
}

fn next(pattern: Pattern, finding: &LeakFinding) -> Vec<String> {
    let mut next = vec![match pattern {
        Pattern::Arenas => {
            "the allocator may only keep what was freed: run once with MALLOC_ARENA_MAX=2, or call malloc_trim; if the \
             growth stays, it is the program's"
        }
        Pattern::Threads => "count the threads: each keeps its stack; bound the pool they come from",
        Pattern::Heap => {
            "take heap profiles at two moments and compare them (`capture.heap` in the experiment does that): the \
             sites that grow are the leak. Look first at maps and lists that are only ever added to, keyed by request, \
             session or user"
        }
        Pattern::Mappings => {
            "if a runtime manages its own heap (JVM, Go, Node), compare its live heap with what is resident: scrape its \
             metrics (`sampling.scrape`); a live heap that grows is a leak in the program, one that does not is \
             fragmentation or an unset heap limit"
        }
        _ => "set `capture` in the experiment and run again: two looks at one life say where the memory goes",
    }
    .to_owned()];
    if let Some(change) = finding.change_point {
        next.push(format!("look at what happened at {}, where the growth begins", change.at));
    }
    if finding.per_request.is_some_and(|bytes| bytes >= 1.0) {
        next.push(
            "run again at twice the rate: growth that doubles comes with each request, growth that stays comes with time"
                .to_owned(),
        );
    }
    next
}
