//! `longhaul analyse SERIES...`: judges series of any tool for leaks.
//!
//! Reads and prints; the judgement is [`crate::verdict::leak`]'s. Many files are judged side by side, and answered in
//! the order in which they were given, as soon as all before them are.

mod answer;
mod series_file;

use std::io::IsTerminal;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use super::args::{AnalyseArgs, Common};
use super::exit::Exit;
use crate::clock::monotonic;
use crate::record::LeakVerdict;
use crate::verdict::leak::{Question, judge_trace};

/// Judges each file. A wrong one is named; the others are judged all the same.
pub(super) fn analyse(args: &AnalyseArgs, common: &Common) -> Exit {
    let question = question(args);
    let files = &args.files;
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let jobs = args.jobs.map_or(cores, NonZero::get).min(files.len());
    let next = AtomicUsize::new(0);
    // As many answers as there are workers may wait; then these wait.
    let (send, receive) = mpsc::sync_channel::<(usize, Result<Answer, String>)>(jobs);
    let mut progress = Progress::new(files.len(), common);
    let (mut good, mut leaks) = (true, false);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (send, next, question) = (send.clone(), &next, &question);
            scope.spawn(move || {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = files.get(i) else { return };
                    let judged = series_file::read(file).map(|trace| {
                        let finding = judge_trace(&trace, question);
                        let text = if common.json {
                            answer::json(file, Ok(&finding))
                        } else {
                            answer::text(file, &finding, common.quiet)
                        };
                        Answer { text, leaks: finding.verdict == LeakVerdict::Leaking }
                    });
                    let judged = judged.map_err(|e| e.to_string());
                    if send.send((i, judged)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        let mut waiting = std::collections::BTreeMap::new();
        let mut due = 0;
        for (i, judged) in receive {
            waiting.insert(i, judged);
            while let Some(judged) = waiting.remove(&due) {
                good &= judged.is_ok();
                match judged {
                    Ok(answer) => {
                        leaks |= answer.leaks;
                        say!("{}", answer.text);
                    }
                    Err(why) if common.json => say!("{}", answer::json(&files[due], Err(&why))),
                    Err(why) => complain!("error: {why}"),
                }
                due += 1;
                progress.done(due);
            }
        }
    });
    match (good, leaks && args.fail_on_leak) {
        (false, _) => Exit::InvalidExperiment,
        (true, true) => Exit::Verdict(10),
        (true, false) => Exit::Pass,
    }
}

/// What is said of a series.
struct Answer {
    text: String,
    leaks: bool,
}

fn question(args: &AnalyseArgs) -> Question {
    let limit = args.limit.map(|l| l.0 as f64);
    if args.count {
        Question::count(args.planned, args.growth_limit, limit)
    } else {
        Question::memory(args.planned, args.growth_limit, limit)
    }
}

/// A line on stderr every two seconds, where a person waits for a file that stdout goes to.
struct Progress {
    files: usize,
    shown: Option<std::time::Instant>,
}

impl Progress {
    fn new(files: usize, common: &Common) -> Self {
        let wanted =
            !common.quiet && std::io::stderr().is_terminal() && !std::io::stdout().is_terminal();
        Self { files, shown: wanted.then(monotonic) }
    }

    fn done(&mut self, files: usize) {
        if let Some(shown) = &mut self.shown
            && shown.elapsed() > Duration::from_secs(2)
        {
            *shown = monotonic();
            complain!("{files} of {} series judged", self.files);
        }
    }
}
