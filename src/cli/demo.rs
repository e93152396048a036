//! `longhaul demo`

use std::path::{Path, PathBuf};

use super::args::{Common, ComparingArgs, DemoArgs, OverrideArgs, RunArgs};
use super::complaint::Complaint;
use super::exit::Exit;
use crate::target::{Engine, TargetError, compose_version};

const FILES: [(&str, &str); 3] = [
    ("experiments/quickstart.yaml", include_str!("../../experiments/quickstart.yaml")),
    (
        "experiments/quickstart-process.yaml",
        include_str!("../../experiments/quickstart-process.yaml"),
    ),
    ("compose/demo/compose.yaml", include_str!("../../compose/demo/compose.yaml")),
];

/// Runs the quickstart that this machine can run.
pub(super) async fn demo(args: DemoArgs, common: &Common) -> anyhow::Result<Exit> {
    let root = place(&common.data).map_err(|e| Complaint::data_folder(&common.data, &e))?;
    let file = if args.process {
        "experiments/quickstart-process.yaml"
    } else if let Err(e) = containers().await {
        let why = e.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        complain!(
            "no containers here, failed to {why}: the same demo system runs as child processes"
        );
        "experiments/quickstart-process.yaml"
    } else {
        "experiments/quickstart.yaml"
    };
    let run = RunArgs {
        file: root.join(file),
        baseline: None,
        comparing: ComparingArgs::default(),
        overrides: OverrideArgs::default(),
        showing: args.showing,
    };
    Box::pin(super::run::run(run, common)).await
}

/// Whether a Compose project can come up here.
async fn containers() -> Result<(), TargetError> {
    Engine::connect().await?;
    compose_version().await.map(|_| ())
}

/// The repository, when the demo is started in it; else a copy of the files in the data folder.
fn place(data: &Path) -> std::io::Result<PathBuf> {
    if FILES.iter().all(|(name, _)| Path::new(name).is_file()) {
        return Ok(PathBuf::new());
    }
    let root = data.join("demo");
    for (name, text) in FILES {
        let path = root.join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, text)?;
    }
    Ok(root)
}
