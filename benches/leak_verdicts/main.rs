//! How often the leak verdict is right, beside the usual methods: `cargo bench --bench leak_verdicts`.
//!
//! Draws labelled series from a new seed (`--seed S` repeats one), has each judged by longhaul and its rivals, and
//! prints Markdown tables and, line by line, whether the bar is met. `-- --help` lists the options; `--write DIR`
//! writes the series as CSV files for other judges, `--traces DIR` judges real ones that are labelled alike.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement prints what it measured"
)]

mod bar;
mod cost;
mod options;
mod pool;
mod share;
mod study;
mod tables;

#[path = "../../tests/leak_corpus/mod.rs"]
mod leak_corpus;

use std::process::ExitCode;

use clap::Parser as _;
use leak_corpus::{GrowthLimit, LeastSquares, MannKendall, Method, RivalExplanations, TheilSen};

use cost::Cost;
use options::Options;
use study::Study;

fn main() -> ExitCode {
    match measure(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("leak_verdicts: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Result<(), leak_corpus::FileError> {
    let orders = options.orders()?;
    if let Some(folder) = &options.write {
        let root = options.root();
        let series = orders.iter().map(|order| (order.name(), order.series(root)));
        let written = leak_corpus::write_folder(folder, series)?;
        println!("{written} series of seed {root} and labels.csv in {}", folder.display());
        return Ok(());
    }
    let methods: [&dyn Method; 6] = [
        &RivalExplanations,
        &GrowthLimit,
        &LeastSquares,
        &MannKendall { corrected: false },
        &MannKendall { corrected: true },
        &TheilSen,
    ];
    let methods = if options.alone { &methods[..1] } else { &methods[..] };
    if let Some(folder) = &options.traces {
        let real = leak_corpus::read_folder(folder)?;
        tables::real(&Study::of_real(real, methods));
        return Ok(());
    }
    println!("Seed {}, {} series of each kind.", options.root(), options.seeds());
    // First, while this process has not yet held more memory than it needs.
    let cost = (!options.no_cost).then(|| Cost::measure(options.root(), options.jobs()));
    let study = Study::run(&orders, options.root(), methods, options.jobs());
    tables::false_alarms(&study);
    tables::verdicts(&study);
    tables::detection(&study);
    tables::detection_beside_rivals(&study);
    tables::called_stable(&study);
    tables::slopes(&study);
    if let Some(cost) = &cost {
        cost.print();
    }
    if options.misses {
        tables::misses(&study);
    }
    bar::print(&study, cost.as_ref());
    Ok(())
}
