//! The live view: a few lines at the bottom of the terminal; events and ledger rows scroll by above it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Gauge, Paragraph, Sparkline, Widget, Wrap};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

use super::plain::event_line;
use crate::clock::Offset;
use crate::ids::FaultId;
use crate::record::{
    Event, EventKind, FaultStage, Phase, PlannedFault, Reading, Sample, SliceRow, Subject,
};
use crate::report::{latency_text, ledger_line, suspicion_text};
use crate::run::Update;
use crate::units::{Bytes, duration, trim};

const HEIGHT: u16 = 18;
const KEPT: usize = 240;
/// Below this there is no room for charts, only for lines.
const LEAST: (u16, u16) = (60, 12);

/// Shows updates until the run is over. Blocking: runs on a thread of its own.
pub(super) fn show(mut updates: Receiver<Update>) {
    if let Err(e) = draw_all(&mut updates) {
        complain!("the live view ended: {e}");
    }
    // Whatever comes after a broken view is still taken, so that the run's end is seen as such.
    while updates.blocking_recv().is_ok() {}
}

fn draw_all(updates: &mut Receiver<Update>) -> std::io::Result<()> {
    let backend = CrosstermBackend::new(std::io::stdout());
    let options = TerminalOptions { viewport: Viewport::Inline(HEIGHT) };
    let mut terminal = Terminal::with_options(backend, options)?;
    let mut view = View::default();
    loop {
        let mut lines = Vec::new();
        let open = loop {
            match updates.try_recv() {
                Ok(update) => lines.extend(view.take(update)),
                Err(TryRecvError::Empty) => break true,
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Closed) => break false,
            }
        };
        for line in lines {
            above(&mut terminal, &line)?;
        }
        if !open {
            break;
        }
        terminal.draw(|frame| view.draw(frame))?;
        std::thread::sleep(Duration::from_millis(100));
    }
    terminal.clear()
}

fn above<B: Backend>(terminal: &mut Terminal<B>, text: &str) -> Result<(), B::Error> {
    let style = if text.contains("STUCK") || text.contains("NOT ") || text.contains("UNHEALTHY") {
        Style::new().fg(Color::Red)
    } else if text.contains("fault ") {
        Style::new().fg(Color::Yellow)
    } else if text.contains("ledger") {
        Style::new().add_modifier(Modifier::BOLD)
    } else {
        Style::new()
    };
    let width = terminal.size()?.width.max(1);
    let paragraph = Paragraph::new(text.to_owned()).style(style).wrap(Wrap { trim: false });
    let height = text.chars().count().div_ceil(usize::from(width)).clamp(1, 20) as u16;
    terminal.insert_before(height, |buffer| paragraph.render(buffer.area, buffer))
}

/// What is on the screen.
#[derive(Default)]
struct View {
    name: String,
    run: String,
    seed: u64,
    lengths: [Duration; 3],
    begin: Option<Offset>,
    now: Offset,
    phase: Option<Phase>,
    planned: Arc<Vec<PlannedFault>>,
    stages: BTreeMap<FaultId, FaultStage>,
    slices: VecDeque<(Arc<SliceRow>, f64)>,
    scheduled: u64,
    errors: u64,
    services: BTreeMap<String, Service>,
    last_line: String,
}

#[derive(Default)]
struct Service {
    memory: VecDeque<u64>,
    limit: Option<u64>,
    instances: BTreeMap<u32, (Offset, Reading)>,
    cpu: BTreeMap<u32, f64>,
}

impl View {
    /// Takes an update; answers the lines that scroll by.
    fn take(&mut self, update: Update) -> Vec<String> {
        match update {
            Update::Began { run, name, seed, faults, lengths } => {
                (self.name, self.run, self.seed) = (name, run.to_string(), seed);
                (self.planned, self.lengths) = (faults, lengths);
                vec![]
            }
            Update::Progress(line) => {
                self.last_line.clone_from(&line);
                vec![line]
            }
            Update::Event(event) => self.event(&event),
            Update::Slice(row, asked) => {
                self.now = row.to;
                self.scheduled += row.counts.scheduled;
                self.errors += row.counts.errors();
                push(&mut self.slices, (row, asked));
                vec![]
            }
            Update::Samples(samples) => {
                self.samples(&samples);
                vec![]
            }
            Update::Ledger(row) => vec![format!("{}  {}", self.now.max(row.to), ledger_line(&row))],
            Update::Suspected(leaks) => vec![format!("{}  {}", self.now, suspicion_text(&leaks))],
            Update::Tick(now) => {
                self.now = now;
                vec![]
            }
            Update::Judged(_) => vec![],
        }
    }

    fn event(&mut self, event: &Event) -> Vec<String> {
        self.now = self.now.max(event.at);
        match &event.kind {
            EventKind::Phase { phase } => {
                self.phase = Some(*phase);
                if matches!(phase, Phase::Warming | Phase::Holding) && self.begin.is_none() {
                    self.begin = Some(event.at);
                }
            }
            EventKind::Fault { fault, stage } => {
                self.stages.insert(fault.clone(), stage.clone());
            }
            _ => {}
        }
        event_line(event, self.now).into_iter().collect()
    }

    fn samples(&mut self, samples: &[Sample]) {
        let mut sums: BTreeMap<&str, (u64, Option<u64>)> = BTreeMap::new();
        for sample in samples {
            self.now = self.now.max(sample.at);
            let Subject::Instance { service, ordinal } = &sample.subject else { continue };
            let entry = self.services.entry(service.clone()).or_default();
            if let Some((before, old)) = entry.instances.get(ordinal)
                && let (Some(a), Some(b)) = (old.cpu_us, sample.reading.cpu_us)
                && b >= a
            {
                let wall = sample.at.since(*before).as_micros().max(1) as f64;
                entry.cpu.insert(*ordinal, (b - a) as f64 / wall * 100.0);
            }
            entry.instances.insert(*ordinal, (sample.at, sample.reading));
            let sum = sums.entry(service).or_default();
            sum.0 += sample.reading.anon.unwrap_or(0);
            if let Some(limit) = sample.reading.limit {
                sum.1 = Some(sum.1.unwrap_or(0) + limit);
            }
        }
        for (service, (anon, limit)) in sums {
            if let Some(entry) = self.services.get_mut(service) {
                push(&mut entry.memory, anon);
                entry.limit = limit;
            }
        }
    }

    fn draw(&self, frame: &mut Frame) {
        let area = frame.area();
        if area.width < LEAST.0 || area.height < LEAST.1 {
            frame.render_widget(self.in_lines(), area);
            return;
        }
        let rows = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Length(6),
            Constraint::Min(4),
        ])
        .split(area);
        frame.render_widget(self.title(), rows[0]);
        frame.render_widget(self.progress(), rows[1]);
        self.charts(frame, rows[2]);
        let below = Layout::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)])
            .split(rows[3]);
        frame.render_widget(self.memory(below[0]), below[0]);
        frame.render_widget(self.faults(below[1]), below[1]);
    }

    /// The most important first: a small terminal shows as many lines, and as much of each, as it has room for.
    fn in_lines(&self) -> Paragraph<'_> {
        let (ratio, _) = self.done();
        let rate = self.slices.back().map_or_else(
            || self.last_line.clone(),
            |(row, asked)| format!("{}/s of {}/s", sent(row), trim(*asked, 1)),
        );
        let lines = vec![
            Line::from(format!("{:.0} % {}", ratio * 100.0, self.phase_name())).bold(),
            Line::from(rate),
            Line::from(format!("errors {}", self.errors)),
            Line::from(format!("faults {}/{}", self.faults_done(), self.planned.len())),
            Line::from(self.name.as_str()).dim(),
        ];
        Paragraph::new(lines)
    }

    fn phase_name(&self) -> String {
        self.phase.map_or("planned".to_owned(), |p| format!("{p:?}").to_lowercase())
    }

    /// How much of the load is over, 0 to 1, and how long the rest takes.
    fn done(&self) -> (f64, Duration) {
        let total: Duration = self.lengths.iter().sum();
        let done = self.begin.map_or(Duration::ZERO, |begin| self.now.since(begin).min(total));
        let ratio = done.as_secs_f64() / total.as_secs_f64().max(1.0);
        (ratio.clamp(0.0, 1.0), Duration::from_secs(total.saturating_sub(done).as_secs()))
    }

    fn faults_done(&self) -> usize {
        let over = |f: &&PlannedFault| {
            matches!(
                self.stages.get(&f.id),
                Some(FaultStage::Healed { .. } | FaultStage::NotApplied { .. })
            )
        };
        self.planned.iter().filter(over).count()
    }

    fn title(&self) -> Line<'_> {
        let phase = self.phase_name();
        Line::from(vec![
            Span::from("longhaul ").bold(),
            Span::from(self.name.as_str()).cyan().bold(),
            Span::from(format!("  {phase}  ")).reversed(),
            Span::from(format!("  {}  seed {}  ", self.run, self.seed)).dim(),
            Span::from("Ctrl-C heals and stops").dim(),
        ])
    }

    fn progress(&self) -> Gauge<'_> {
        let (ratio, left) = self.done();
        let label = match self.begin {
            None => self.last_line.clone(),
            Some(_) => format!("{:.0} %   {} left", ratio * 100.0, duration(left)),
        };
        Gauge::default().ratio(ratio).label(label).gauge_style(Style::new().cyan())
    }

    fn charts(&self, frame: &mut Frame, area: Rect) {
        let thirds = Layout::horizontal([Constraint::Ratio(1, 3); 3]).split(area);
        let last = self.slices.back();
        let rate = last.map_or_else(String::new, |(r, asked)| {
            format!(" rate {}/s of {}/s ", sent(r), trim(*asked, 1))
        });
        let share = self.errors as f64 / self.scheduled.max(1) as f64 * 100.0;
        let errors = format!(" errors {} ({} %) ", self.errors, trim(share, 2));
        let p99 = last.map_or_else(String::new, |(r, _)| {
            let figure = |us| latency_text(r.latency.count, us);
            format!(" p99 {}  p50 {} ", figure(r.latency.p99), figure(r.latency.p50))
        });
        let figures: [(String, Color, Vec<u64>); 3] = [
            (rate, Color::Green, self.slices.iter().map(|(r, _)| sent(r)).collect()),
            (errors, Color::Red, self.slices.iter().map(|(r, _)| r.counts.errors()).collect()),
            (p99, Color::Magenta, self.slices.iter().map(|(r, _)| r.latency.p99).collect()),
        ];
        for ((title, color, data), area) in figures.into_iter().zip(thirds.iter()) {
            let width = usize::from(area.width.saturating_sub(2));
            let tail = data[data.len().saturating_sub(width)..].to_vec();
            let chart = Sparkline::default()
                .data(tail)
                .style(Style::new().fg(color))
                .block(Block::bordered().title(title));
            frame.render_widget(chart, *area);
        }
    }

    fn memory(&self, area: Rect) -> Paragraph<'_> {
        let width = usize::from(area.width.saturating_sub(48)).clamp(8, 60);
        let lines: Vec<Line> = self
            .services
            .iter()
            .map(|(name, service)| {
                let now = service.memory.back().copied().unwrap_or(0);
                let limit =
                    service.limit.map_or(String::new(), |l| format!("/ {}", Bytes(l).human()));
                let cpu: f64 = service.cpu.values().sum();
                Line::from(vec![
                    Span::from(format!("{name:<10.10} ")).bold(),
                    Span::from(format!("{:>10} {limit:<11} ", Bytes(now).human())),
                    Span::from(format!("{:>5} % CPU ", trim(cpu, 1))).dim(),
                    Span::from(sparkline(&service.memory, width)).fg(Color::Blue),
                ])
            })
            .collect();
        Paragraph::new(lines).block(Block::bordered().title(" memory "))
    }

    fn faults(&self, area: Rect) -> Paragraph<'_> {
        let height = usize::from(area.height.saturating_sub(2)).max(1);
        let done = self.faults_done();
        let skip = done.saturating_sub(height / 2).min(self.planned.len().saturating_sub(height));
        let lines: Vec<Line> =
            self.planned.iter().skip(skip).take(height).map(|f| self.fault(f)).collect();
        Paragraph::new(lines)
            .block(Block::bordered().title(format!(" faults {done}/{} ", self.planned.len())))
    }

    fn fault(&self, fault: &PlannedFault) -> Line<'_> {
        let (mark, style) = match self.stages.get(&fault.id) {
            None => ("planned  ", Style::new().dim()),
            Some(FaultStage::Intended | FaultStage::Injected) => {
                ("injecting", Style::new().fg(Color::Yellow))
            }
            Some(FaultStage::Active { .. }) => ("IN FORCE ", Style::new().fg(Color::Yellow).bold()),
            Some(FaultStage::Unverified { .. }) => ("unproven ", Style::new().fg(Color::Red)),
            Some(FaultStage::NotApplied { .. }) => ("skipped  ", Style::new().fg(Color::Red)),
            Some(FaultStage::Healing) => ("healing  ", Style::new().fg(Color::Cyan)),
            Some(FaultStage::Healed { .. }) => ("healed   ", Style::new().fg(Color::Green)),
            Some(FaultStage::Stuck { .. }) => ("STUCK    ", Style::new().fg(Color::Red).bold()),
        };
        let at = Offset::ZERO + fault.at;
        Line::from(vec![
            Span::styled(format!("{mark} "), style),
            Span::from(format!("{at} ")).dim(),
            Span::from(crate::fault::label(fault)),
        ])
    }
}

/// Arrivals of a slice that were sent and have ended.
fn sent(row: &SliceRow) -> u64 {
    row.counts.ended() - row.counts.not_sent
}

fn push<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() == KEPT {
        queue.pop_front();
    }
    queue.push_back(item);
}

/// The last `width` values between their lowest and highest, as eighth blocks.
fn sparkline(values: &VecDeque<u64>, width: usize) -> String {
    let tail: Vec<u64> = values.iter().rev().take(width).rev().copied().collect();
    let (low, high) =
        (tail.iter().min().copied().unwrap_or(0), tail.iter().max().copied().unwrap_or(0));
    let blocks = [
        '\u{2581}', '\u{2582}', '\u{2583}', '\u{2584}', '\u{2585}', '\u{2586}', '\u{2587}',
        '\u{2588}',
    ];
    tail.iter()
        .map(|v| blocks[((v - low) as f64 / (high - low).max(1) as f64 * 7.0) as usize])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::backend::TestBackend;

    /// A view forty-five seconds into a load.
    fn busy() -> View {
        let mut view = View::default();
        view.take(Update::Began {
            run: "20261121-020000-soak-0001".parse().unwrap(),
            name: "soak".to_owned(),
            seed: 7,
            faults: Arc::default(),
            lengths: [Duration::from_secs(10), Duration::from_secs(80), Duration::from_secs(10)],
        });
        let reading =
            Reading { anon: Some(50 << 20), limit: Some(128 << 20), ..Reading::default() };
        let subject = Subject::Instance { service: "api".to_owned(), ordinal: 1 };
        let at = Offset::from_micros(45_000_000);
        view.take(Update::Event(Event {
            at: Offset::ZERO,
            kind: EventKind::Phase { phase: Phase::Warming },
        }));
        view.take(Update::Samples(Arc::new(vec![Sample { at, subject, epoch: 0, reading }])));
        view
    }

    #[test]
    fn a_fresh_view_and_a_busy_one_fit_the_screen() {
        let mut terminal = Terminal::new(TestBackend::new(110, HEIGHT)).unwrap();
        terminal.draw(|f| View::default().draw(f)).unwrap();
        let view = busy();
        terminal.draw(|f| view.draw(f)).unwrap();
        let screen = format!("{}", terminal.backend());
        for wanted in ["soak", "seed 7", "45 %", "50.0 MiB / 128.0 MiB", "faults 0/0"] {
            assert!(screen.contains(wanted), "{wanted} is not on\n{screen}");
        }
    }

    #[test]
    fn a_very_small_terminal_shows_lines() {
        let options = TerminalOptions { viewport: Viewport::Inline(HEIGHT) };
        let mut terminal = Terminal::with_options(TestBackend::new(20, 5), options).unwrap();
        terminal.draw(|f| View::default().draw(f)).unwrap();
        above(&mut terminal, &"a fault that takes many words to tell ".repeat(9)).unwrap();
        terminal.draw(|f| busy().draw(f)).unwrap();
        insta::assert_snapshot!(terminal.backend(), @r#"
        "45 % warming        "
        "                    "
        "errors 0            "
        "faults 0/0          "
        "soak                "
        "#);
        for (width, height) in [(1, 1), (20, 1), (1, 40), (59, 12), (60, 11), (60, 12), (61, 18)] {
            let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
            terminal.draw(|f| busy().draw(f)).unwrap();
        }
    }

    #[test]
    fn sparklines_span_their_range() {
        assert_eq!(sparkline(&[1, 1, 9].into(), 10), "\u{2581}\u{2581}\u{2588}");
        assert_eq!(sparkline(&VecDeque::new(), 10), "");
    }
}
